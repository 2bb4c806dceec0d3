-- answers (int4, text)
PREPARE q (int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
ORDER BY t."track_id"
LIMIT $1;
EXECUTE q ('51');
DEALLOCATE q;
