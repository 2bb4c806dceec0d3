-- answers (int4, text)
PREPARE q (text, text, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE (t."studio")."city" = $1
AND (t."studio")."zip" LIKE $2
ORDER BY t."track_id"
LIMIT $3;
EXECUTE q ('Rome', '%1%', '51');
DEALLOCATE q;
