-- answers (text, bpchar)
PREPARE q (int4) AS
SELECT t."title", t."code"
FROM "public"."track" AS t
WHERE t."track_id" = $1;
EXECUTE q ('42');
DEALLOCATE q;
