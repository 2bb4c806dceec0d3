-- answers (int4, text)
PREPARE q (mood, int8, mood[], int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE t."mood" = $1
AND t."state" = $2
AND t."mood" = ANY ($3)
ORDER BY t."track_id"
LIMIT $4;
EXECUTE q ('very happy', '1', '{sad,ok}', '51');
DEALLOCATE q;
