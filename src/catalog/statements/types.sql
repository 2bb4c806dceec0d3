-- The system's own base types, arrays and ranges are kept; row types of its tables are not.
-- A multirange is Postgres 14's: read by name from the row, the column may be missing before.
SELECT coalesce(json_agg(json_build_object(
    'oid', t.oid::int8,
    'schema', n.nspname,
    'name', t.typname,
    'array_oid', t.typarray::int8,
    'kind', t.typtype,
    'element', CASE WHEN t.typlen = -1 AND t.typtype = 'b' THEN t.typelem::int8 ELSE 0 END,
    'base', t.typbasetype::int8,
    'type_mod', t.typtypmod,
    'not_null', t.typnotnull,
    'range', coalesce((
        SELECT CASE t.typtype WHEN 'r' THEN r.rngsubtype::int8 ELSE r.rngtypid::int8 END
        FROM pg_catalog.pg_range r
        WHERE r.rngtypid = t.oid
            OR (t.typtype = 'm' AND (to_jsonb(r) ->> 'rngmultitypid')::oid = t.oid)), 0),
    'labels', CASE WHEN t.typtype = 'e' THEN (
        SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder)
        FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid) END,
    'attributes', CASE WHEN t.typtype = 'c' THEN (
        SELECT json_agg(json_build_object(
            'name', a.attname, 'type_oid', a.atttypid::int8, 'type_mod', a.atttypmod) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END
) ORDER BY t.oid), '[]')
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typlen = -1
WHERE n.nspname !~ '^pg_(toast|temp)'
    AND NOT (n.nspname IN ('pg_catalog', 'information_schema')
        AND (t.typtype = 'c' OR coalesce(e.typtype = 'c', false)))
