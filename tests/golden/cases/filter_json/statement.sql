-- answers (int4, text)
PREPARE q (text[], text, text[], numeric, text[], jsonb, text[], jsonb, text[], text[], text, text[], text, text[], text, text, text[], jsonb, text[], text, text, int8) AS
SELECT t."track_id", t."title"
FROM "public"."track" AS t
WHERE CASE jsonb_typeof((t."attributes" #> $1)) WHEN 'string' THEN (t."attributes" #> $1) #>> '{}' = $2 END
AND CASE jsonb_typeof((t."attributes" #> $3)) WHEN 'number' THEN (t."attributes" #> $3)::numeric > $4 END
AND (t."attributes" #> $5) = $6
AND (t."attributes" #> $7) = $8
AND (t."attributes" #> $9) IS NOT NULL
AND (CASE jsonb_typeof((t."attributes" #> $10)) WHEN 'string' THEN (t."attributes" #> $10) #>> '{}' = $11 END) IS NOT TRUE
AND CASE jsonb_typeof((t."attributes" #> $12)) WHEN 'string' THEN (t."attributes" #> $12) #>> '{}' LIKE $13 END
AND CASE jsonb_typeof((t."attributes" #> $14)) WHEN 'string' THEN (t."attributes" #> $14) #>> '{}' LIKE $16 ELSE (t."attributes" #> $14) ? $15 END
AND (t."attributes" #> $17) @> $18
AND (t."attributes" #> $19) IS NOT NULL
AND CASE jsonb_typeof((t."attributes")) WHEN 'string' THEN (t."attributes") #>> '{}' LIKE $21 ELSE (t."attributes") ? $20 END
ORDER BY t."track_id"
LIMIT $22;
EXECUTE q ('{color}', 'red', '{size,w}', '2.5', '{on}', 'true', '{x}', 'null', '{color}', '{color}', 'red', '{color}', 'r%', '{tags}', 'x', '%x%', '{tags}', '3', '{color}', 'color', '%color%', '51');
DEALLOCATE q;
