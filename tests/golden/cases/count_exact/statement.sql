-- answers (int8)
PREPARE q (text) AS
SELECT count(*)
FROM (SELECT
FROM "public"."track" AS t
LEFT JOIN "public"."album" AS r1 ON r1."album_id" = t."album_id"
AND r1."deleted_at" IS NULL
WHERE r1."title" LIKE $1) AS m;
EXECUTE q ('Live%');
DEALLOCATE q;
