-- answers (text, int8)
PREPARE q (int4[]) AS
SELECT t."title", k.ord
FROM "public"."track" AS t JOIN unnest((SELECT $1)) WITH ORDINALITY AS k(c1, ord) ON t."track_id" = k.c1;
EXECUTE q ('{1,2}');
DEALLOCATE q;
