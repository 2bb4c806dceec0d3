-- A key to a partitioned table is repeated for each of that table's partitions, with the repeated
-- key as its parent: those are no keys of their own. A partition's copy of its parent's key is.
SELECT coalesce(json_agg(json_build_object(
    'table_oid', k.conrelid::int8,
    'name', k.conname,
    'attnums', to_json(k.conkey),
    'target', k.confrelid::int8,
    'target_columns', (
        SELECT json_agg(a.attname ORDER BY f.position)
        FROM unnest(k.confkey) WITH ORDINALITY f (attnum, position)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = f.attnum)
) ORDER BY k.conrelid, k.conname, k.oid), '[]')
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f'
    AND n.nspname !~ '^(pg_|information_schema$)'
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint p
        WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid)
