-- answers (int4, text)
PREPARE q (varchar, text, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
LEFT JOIN "public"."album" AS r1 ON r1."album_id" = t."album_id"
AND r1."deleted_at" IS NULL
LEFT JOIN "public"."artist" AS r2 ON r2."artist_id" = r1."artist_id"
AND r2."deleted_at" IS NULL
WHERE EXISTS (SELECT
FROM "public"."album" AS r3
WHERE r3."artist_id" = r2."artist_id"
AND r3."deleted_at" IS NULL
AND r3."title" = $1)
AND EXISTS (SELECT
FROM "public"."playlist" AS r4 JOIN "public"."playlist_track" AS r5 ON r4."playlist_id" = r5."playlist_id"
WHERE r5."track_id" = t."track_id"
AND EXISTS (SELECT
FROM "public"."track" AS r6 JOIN "public"."playlist_track" AS r7 ON r6."track_id" = r7."track_id"
WHERE r7."playlist_id" = r4."playlist_id"
AND r6."genre" = $2))
ORDER BY t."track_id"
LIMIT $3;
EXECUTE q ('x', 'Jazz', '51');
DEALLOCATE q;
