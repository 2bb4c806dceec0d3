-- answers (json)
EXPLAIN (FORMAT JSON) SELECT
FROM "public"."track" AS t
WHERE t."tags" @> ARRAY['x'::text];
