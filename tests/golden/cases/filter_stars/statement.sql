-- answers (int4, text)
PREPARE q (text, text, text, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE t."title" LIKE $1
AND t."title" = $2
AND t."title" LIKE $3
ORDER BY t."track_id"
LIMIT $4;
EXECUTE q ('%a\%\_\\%', '*a', '%', '51');
DEALLOCATE q;
