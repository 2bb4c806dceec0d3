-- answers (int8)
PREPARE q (int8) AS
SELECT count(*)
FROM (SELECT
FROM "public"."album" AS t
WHERE t."deleted_at" IS NULL
LIMIT $1) AS m;
EXECUTE q ('10001');
DEALLOCATE q;
