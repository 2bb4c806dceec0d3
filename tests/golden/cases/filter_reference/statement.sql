-- answers (int4, text)
PREPARE q (int4, int4, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE t."album_id" = $1
AND ((t."album_id" = $2)) IS NOT TRUE
AND t."album_id" IS NOT NULL
ORDER BY t."track_id"
LIMIT $3;
EXECUTE q ('7', '8', '51');
DEALLOCATE q;
