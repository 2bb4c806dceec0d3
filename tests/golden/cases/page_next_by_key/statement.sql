-- answers (text, int4)
PREPARE q (int4, int8) AS
SELECT t."title", t."track_id"
FROM "public"."track" AS t
WHERE t."track_id" > $1
ORDER BY t."track_id"
LIMIT $2;
EXECUTE q ('17', '51');
DEALLOCATE q;
