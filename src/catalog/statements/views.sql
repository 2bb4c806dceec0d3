-- By the numbers in a rule's tree, since pg_depend leaves out what Postgres itself has. Before Postgres 16 a rule names
-- the view too. Steady is what asks nothing but the rows and the settings that every session of ours has: Postgres' own
-- immutable functions, and of its stable ones those that only convert. A function of a user's may read any table, or be another tomorrow.
SELECT coalesce(json_agg(json_build_object(
    'oid', c.oid::int8,
    'relations', (
        SELECT coalesce(json_agg(DISTINCT m.found[1]::int8), '[]')
        FROM regexp_matches(t.tree, ':relid (\d+)', 'g') m (found)
        WHERE m.found[1]::oid NOT IN (0, c.oid)),
    'steady', t.tree !~ '\{(SQLVALUEFUNCTION|TABLESAMPLECLAUSE|NEXTVALUEEXPR) ' AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_proc p
        WHERE p.oid IN (
                SELECT m.found[1]::oid
                FROM regexp_matches(t.tree, ':(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)', 'g') m (found))
            AND NOT (p.provolatile = 'i' AND p.pronamespace = 'pg_catalog'::regnamespace)
            AND NOT (p.provolatile = 's' AND p.pronamespace = 'pg_catalog'::regnamespace AND (
                p.proname IN (
                    'array_to_json', 'array_to_string', 'concat', 'concat_ws', 'date_part', 'date_trunc', 'format',
                    'json_agg', 'json_build_array', 'json_build_object', 'json_object_agg', 'jsonb_agg',
                    'jsonb_build_array', 'jsonb_build_object', 'jsonb_object_agg', 'quote_literal', 'quote_nullable',
                    'row_to_json', 'timezone', 'to_char', 'to_date', 'to_json', 'to_jsonb', 'to_timestamp', 'extract')
                OR p.proname ~ '^(date|timestamp|timestamptz|time|timetz|interval)(_|$)')))
) ORDER BY c.oid), '[]')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_rewrite r ON r.ev_class = c.oid AND r.rulename = '_RETURN'
CROSS JOIN LATERAL (SELECT r.ev_action::text AS tree) t
WHERE c.relkind = 'v'
    AND n.nspname !~ '^(pg_|information_schema$)'
