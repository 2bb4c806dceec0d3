-- answers (int4, int4, int4)
PREPARE q (int8) AS
SELECT t."album_id", t."album_id", t."track_id"
FROM "public"."track" AS t
ORDER BY t."album_id" DESC, t."track_id" DESC
LIMIT $1;
EXECUTE q ('51');
DEALLOCATE q;
