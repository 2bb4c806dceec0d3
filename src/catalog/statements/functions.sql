-- Procedures, aggregates, window functions and triggers cannot answer a call.
SELECT coalesce(json_agg(json_build_object(
    'oid', p.oid::int8,
    'schema', n.nspname,
    'name', p.proname,
    'input_types', to_json(p.proargtypes::oid[]::int8[]),
    'all_types', to_json(p.proallargtypes::int8[]),
    'modes', to_json(p.proargmodes::text[]),
    'names', to_json(p.proargnames),
    'defaults', p.pronargdefaults,
    'variadic', p.provariadic <> 0,
    'result', p.prorettype::int8,
    'returns_set', p.proretset,
    'volatility', p.provolatile,
    'executable', coalesce(
        has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE'),
        false)
) ORDER BY p.oid), '[]')
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind = 'f'
    AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
    AND n.nspname !~ '^(pg_|information_schema$)'
