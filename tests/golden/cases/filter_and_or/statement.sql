-- answers (int4, text)
PREPARE q (int8, text, text, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
LEFT JOIN "public"."album" AS r1 ON r1."album_id" = t."album_id"
AND r1."deleted_at" IS NULL
WHERE t."milliseconds" > $1
AND (t."title" LIKE $2 OR r1."title" LIKE $3)
ORDER BY t."track_id"
LIMIT $4;
EXECUTE q ('200000', 'Ba%', 'Live%', '51');
DEALLOCATE q;
