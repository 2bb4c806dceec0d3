-- answers (int4, text)
PREPARE q (text, text, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE EXISTS (SELECT
FROM "public"."playlist" AS r1 JOIN "public"."playlist_track" AS r2 ON r1."playlist_id" = r2."playlist_id"
WHERE r2."track_id" = t."track_id"
AND r1."name" LIKE $1)
AND NOT EXISTS (SELECT
FROM "public"."playlist" AS r3 JOIN "public"."playlist_track" AS r4 ON r3."playlist_id" = r4."playlist_id"
WHERE r4."track_id" = t."track_id"
AND r3."name" = $2)
ORDER BY t."track_id"
LIMIT $3;
EXECUTE q ('%Jazz%', 'Rock', '51');
DEALLOCATE q;
