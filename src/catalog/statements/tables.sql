SELECT coalesce(json_agg(json_build_object(
    'oid', c.oid::int8,
    'schema', n.nspname,
    'name', c.relname,
    'kind', c.relkind,
    'row_security', c.relrowsecurity,
    'columns', (
        SELECT coalesce(json_agg(json_build_object(
            'name', a.attname,
            'attnum', a.attnum,
            'type_oid', a.atttypid::int8,
            'type_mod', a.atttypmod,
            'not_null', a.attnotnull,
            'collation', (
                SELECT json_build_object(
                    'schema', cn.nspname, 'name', o.collname, 'deterministic', o.collisdeterministic)
                FROM pg_catalog.pg_collation o
                JOIN pg_catalog.pg_namespace cn ON cn.oid = o.collnamespace
                WHERE o.oid = a.attcollation),
            'comment', col_description(c.oid, a.attnum),
            'readable', coalesce(
                has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT'),
                false)
        ) ORDER BY a.attnum), '[]')
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'readable', coalesce(
        has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'),
        false)
) ORDER BY c.oid), '[]')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND n.nspname !~ '^(pg_|information_schema$)'
