-- answers (text)
PREPARE q (int4, int8) AS
SELECT t."title"
FROM "public"."track" AS t
WHERE t."album_id" = $1
ORDER BY t."track_id"
LIMIT $2;
EXECUTE q ('7', '51');
DEALLOCATE q;
