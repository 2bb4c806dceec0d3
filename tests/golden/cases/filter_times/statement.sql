-- answers (int4, text)
PREPARE q (timestamptz, date, time, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE t."recorded_at" >= $1
AND t."released" = $2
AND t."starts" < $3
ORDER BY t."track_id"
LIMIT $4;
EXECUTE q ('2020-01-01 00:00:00+00', '2020-02-29', '24:00:00', '51');
DEALLOCATE q;
