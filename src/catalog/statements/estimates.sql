-- Before Postgres 14, a table that was never analysed has no pages and no tuples.
SELECT coalesce(json_agg(json_build_object(
    'table_oid', c.oid::int8,
    'rows', CASE
        WHEN c.relkind = 'p' AND c.reltuples <= 0 THEN (
            SELECT coalesce(sum(l.reltuples) FILTER (WHERE l.reltuples > 0), -1)
            FROM pg_partition_tree(c.oid) t JOIN pg_catalog.pg_class l ON l.oid = t.relid
            WHERE t.isleaf)
        WHEN c.reltuples = 0 AND c.relpages = 0 AND current_setting('server_version_num')::int < 140000 THEN -1
        ELSE c.reltuples
    END
) ORDER BY c.oid), '[]')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND n.nspname !~ '^(pg_|information_schema$)'
