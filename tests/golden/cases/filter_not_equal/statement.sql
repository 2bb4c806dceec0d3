-- answers (int4, text)
PREPARE q (text, text, varchar, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
LEFT JOIN "public"."album" AS r1 ON r1."album_id" = t."album_id"
AND r1."deleted_at" IS NULL
WHERE t."genre" IS DISTINCT
FROM $1
AND (t."genre" LIKE $2) IS NOT TRUE
AND r1."title" IS DISTINCT
FROM $3
ORDER BY t."track_id"
LIMIT $4;
EXECUTE q ('Jazz', 'J%', 'x', '51');
DEALLOCATE q;
