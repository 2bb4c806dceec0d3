-- answers (int4, text)
PREPARE q (text, text, text[], varchar[], text[], int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
LEFT JOIN "public"."album" AS r1 ON r1."album_id" = t."album_id"
AND r1."deleted_at" IS NULL
WHERE (t."title" = $1 OR t."title" LIKE $2)
AND t."genre" = ANY ($3)
AND r1."title" = ANY ($4)
AND t."cost" = ANY ($5::"pg_catalog"."money"[])
ORDER BY t."track_id"
LIMIT $6;
EXECUTE q ('a', 'b%', '{a,b}', '{x}', '{1.5,2}', '51');
DEALLOCATE q;
