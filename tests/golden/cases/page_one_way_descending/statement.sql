-- answers (text, text, int4)
PREPARE q (text, int4, int8) AS
SELECT t."title", t."title", t."track_id"
FROM "public"."track" AS t
WHERE (t."title", t."track_id") < ($1, $2)
ORDER BY t."title" DESC, t."track_id" DESC
LIMIT $3;
EXECUTE q ('Ba', '17', '51');
DEALLOCATE q;
