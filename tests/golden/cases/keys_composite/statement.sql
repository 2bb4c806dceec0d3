-- answers (text, int4, int8)
PREPARE q (text[], int4[], mood[]) AS
SELECT t."invoice", t."number", k.ord
FROM "public"."line" AS t JOIN unnest((SELECT $1), (SELECT $2), (SELECT $3)) WITH ORDINALITY AS k(c1, c2, c3, ord) ON t."invoice" = k.c1
AND t."number" = k.c2
AND t."mood" = k.c3;
EXECUTE q ('{a,b}', '{1,2}', '{ok,sad}');
DEALLOCATE q;
