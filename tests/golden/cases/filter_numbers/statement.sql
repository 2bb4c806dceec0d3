-- answers (int4, text)
PREPARE q (float8, float8, numeric, int8, numeric, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE t."rating" > $1
AND t."rating" < $2
AND t."price" = $3
AND t."state" IS DISTINCT
FROM $4
AND t."price" >= $5
ORDER BY t."track_id"
LIMIT $6;
EXECUTE q ('2.5', '-1000', '0.990', '1', '1.10', '51');
DEALLOCATE q;
