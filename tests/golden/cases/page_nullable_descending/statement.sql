-- answers (text, text, int4)
PREPARE q (text, int4, int8) AS
SELECT t."title", t."genre", t."track_id"
FROM "public"."track" AS t
WHERE (t."genre", t."track_id") < ($1, $2)
ORDER BY t."genre" DESC, t."track_id" DESC
LIMIT $3;
EXECUTE q ('Jazz', '17', '51');
DEALLOCATE q;
