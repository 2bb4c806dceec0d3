-- answers (int4, text)
PREPARE q (int4, int4range, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE t."seats" @> $1
AND t."seats" = $2
ORDER BY t."track_id"
LIMIT $3;
EXECUTE q ('7', '[1,5)', '51');
DEALLOCATE q;
