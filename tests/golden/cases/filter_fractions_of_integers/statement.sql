-- answers (int4, text)
PREPARE q (int8, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE t."state" = $1
ORDER BY t."track_id"
LIMIT $2;
EXECUTE q ('1', '51');
DEALLOCATE q;
