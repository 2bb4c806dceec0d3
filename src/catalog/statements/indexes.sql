-- In indoption, bit 1 is DESC and bit 2 is NULLS FIRST. Only keys are read, not INCLUDEd columns.
SELECT coalesce(json_agg(json_build_object(
    'table_oid', i.indrelid::int8,
    'name', x.relname,
    'method', m.amname,
    'primary_key', i.indisprimary,
    'unique', i.indisunique,
    'valid', i.indisvalid AND i.indisready AND i.indislive,
    'partial', i.indpred IS NOT NULL,
    'keys', (
        SELECT json_agg(json_build_object(
            'attnum', i.indkey[p],
            'options', i.indoption[p],
            'own_order', m.amname <> 'btree' OR (
                (o.opcdefault OR o.opcname = 'varchar_ops')
                AND i.indcollation[p] = coalesce(a.attcollation, i.indcollation[p]))
        ) ORDER BY p)
        FROM generate_series(0, i.indnkeyatts - 1) p
        JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[p]
        LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[p])
) ORDER BY i.indexrelid), '[]')
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_am m ON m.oid = x.relam
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^(pg_|information_schema$)'
