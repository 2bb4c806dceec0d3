-- answers (int4, text)
PREPARE q (inet, uuid, bytea, bytea, bool, text, citext, bpchar, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE t."address" = $1
AND t."fingerprint" = $2
AND t."picture" = $3
AND t."picture" = $4
AND t."live" = $5
AND t."nickname" = $6
AND t."handle" = $7
AND t."code" = $8
ORDER BY t."track_id"
LIMIT $9;
EXECUTE q ('10.0.0.1', '00000000-0000-0000-0000-000000000001', '\x00ff', '\x00ff', 'true', 'foo', 'X', 'abc', '51');
DEALLOCATE q;
