-- answers (int4, text)
PREPARE q (text, text, int8, bool, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE ((t."title" = $1 OR (t."genre" = $2
AND t."milliseconds" > $3))) IS NOT TRUE
AND (t."live" = $4) IS NOT TRUE
ORDER BY t."track_id"
LIMIT $5;
EXECUTE q ('a', 'b', '1000', 'true', '51');
DEALLOCATE q;
