-- answers (int4, text)
PREPARE q (text, text, text, text, text, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE t."fingerprint"::text LIKE $1
AND t."address"::text LIKE $2
AND t."spot"::text = $3
AND t."score"::text LIKE $4
AND t."cost" > $5::"pg_catalog"."money"
ORDER BY t."track_id"
LIMIT $6;
EXECUTE q ('0%', '%10.%', '(1,2)', '%x%', '1.50', '51');
DEALLOCATE q;
