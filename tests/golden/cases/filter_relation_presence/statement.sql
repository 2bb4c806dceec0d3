-- answers (int4, text)
PREPARE q (int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
LEFT JOIN "public"."album" AS r1 ON r1."album_id" = t."album_id"
AND r1."deleted_at" IS NULL
WHERE r1."album_id" IS NOT NULL
AND NOT EXISTS (SELECT
FROM "public"."playlist" AS r2 JOIN "public"."playlist_track" AS r3 ON r2."playlist_id" = r3."playlist_id"
WHERE r3."track_id" = t."track_id")
AND EXISTS (SELECT
FROM "public"."playlist" AS r4 JOIN "public"."playlist_track" AS r5 ON r4."playlist_id" = r5."playlist_id"
WHERE r5."track_id" = t."track_id")
ORDER BY t."track_id"
LIMIT $1;
EXECUTE q ('51');
DEALLOCATE q;
