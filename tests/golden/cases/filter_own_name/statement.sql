-- answers (int4, text)
PREPARE q (int4, int4, int4, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE ((t."track_id" = $1) OR ((t."track_id" = $2) OR (t."track_id" = $3)))
ORDER BY t."track_id"
LIMIT $4;
EXECUTE q ('42', '1', '2', '51');
DEALLOCATE q;
