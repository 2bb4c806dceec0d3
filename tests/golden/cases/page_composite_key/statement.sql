-- answers (text, text, int4, mood)
PREPARE q (text, int4, mood, int8) AS
SELECT t."invoice", t."invoice", t."number", t."mood"
FROM "public"."line" AS t
WHERE (t."invoice", t."number", t."mood") > ($1, $2, $3)
ORDER BY t."invoice", t."number", t."mood"
LIMIT $4;
EXECUTE q ('a', '2', 'ok', '51');
DEALLOCATE q;
