-- answers (int4, text)
PREPARE q (text, text, text, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE t."title" LIKE $1
AND t."handle" LIKE $2
AND t."code" LIKE $3
ORDER BY t."track_id"
LIMIT $4;
EXECUTE q ('%50\%%', '%x%', '%y%', '51');
DEALLOCATE q;
