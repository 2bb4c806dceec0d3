-- answers (varchar)
PREPARE q (int8) AS
SELECT t."title"
FROM "public"."album" AS t
WHERE t."deleted_at" IS NULL
ORDER BY t."title", t."album_id"
LIMIT $1;
EXECUTE q ('51');
DEALLOCATE q;
