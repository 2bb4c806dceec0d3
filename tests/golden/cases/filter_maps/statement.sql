-- answers (int4, text)
PREPARE q (text, text, text, text, text, text, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE t."labels" ? $1
AND (t."labels" -> $2) = $3
AND (t."labels" -> $4) LIKE $5
AND (t."labels" -> $6) IS NOT NULL
ORDER BY t."track_id"
LIMIT $7;
EXECUTE q ('x', 'x', 'y', 'a.b', 'c%', 'x', '51');
DEALLOCATE q;
