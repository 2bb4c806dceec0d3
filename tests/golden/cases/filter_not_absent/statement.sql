-- answers (int4, text)
PREPARE q (text, text, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE (t."genre" = $1) IS NOT TRUE
AND t."genre" IS NULL
AND (t."genre" LIKE $2) IS NOT TRUE
ORDER BY t."track_id"
LIMIT $3;
EXECUTE q ('Jazz', '%a%', '51');
DEALLOCATE q;
