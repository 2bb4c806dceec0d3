-- answers (int4, text)
PREPARE q (int8, int8, int8, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE t."milliseconds" = $1
AND t."milliseconds" > $2
AND t."milliseconds" <= $3
AND false
ORDER BY t."track_id"
LIMIT $4;
EXECUTE q ('1500', '0', '0', '51');
DEALLOCATE q;
