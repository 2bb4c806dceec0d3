-- Of tables that inherit, partitions included; pg_inherits also has partitions of indexes.
SELECT coalesce(json_agg(json_build_object(
    'table_oid', p.inhrelid::int8,
    'parents', p.parents
) ORDER BY p.inhrelid), '[]')
FROM (
    SELECT i.inhrelid, json_agg(i.inhparent::int8 ORDER BY i.inhseqno) AS parents
    FROM pg_catalog.pg_inherits i
    JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f')
        AND n.nspname !~ '^(pg_|information_schema$)'
    GROUP BY i.inhrelid) p
