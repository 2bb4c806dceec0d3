-- answers (int4, text)
PREPARE q (text, varchar, text, text, text, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE t."tags" @> ARRAY[$1]
AND t."codes" @> ARRAY[$2]
AND EXISTS (SELECT
FROM unnest(t."tags") AS e(v)
WHERE e.v LIKE $3)
AND cardinality(t."tags") > 0
AND (t."tags" @> ARRAY[$4] OR t."tags" @> ARRAY[$5])
ORDER BY t."track_id"
LIMIT $6;
EXECUTE q ('x', 'x', 'x%', 'a', 'b', '51');
DEALLOCATE q;
