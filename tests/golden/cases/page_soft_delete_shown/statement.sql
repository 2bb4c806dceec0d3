-- answers (varchar)
PREPARE q (int8) AS
SELECT t."title"
FROM "public"."album" AS t
ORDER BY t."title", t."album_id"
LIMIT $1;
EXECUTE q ('51');
DEALLOCATE q;
