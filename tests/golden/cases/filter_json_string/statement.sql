-- answers (int4, text)
PREPARE q (text, jsonb, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE t."document"::text LIKE $1
AND (t."document"::jsonb) = $2
ORDER BY t."track_id"
LIMIT $3;
EXECUTE q ('%x%', '{"a":1}', '51');
DEALLOCATE q;
