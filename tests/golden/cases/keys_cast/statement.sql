-- answers (text, text, int8)
PREPARE q (text[]) AS
SELECT t."cost"::text, t."spot"::text, k.ord
FROM "public"."track" AS t JOIN unnest((SELECT $1)) WITH ORDINALITY AS k(c1, ord) ON t."cost" = k.c1::"pg_catalog"."money";
EXECUTE q ('{$1.50}');
DEALLOCATE q;
