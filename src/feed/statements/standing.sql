-- The tables that are to be followed, and those that are, with all that inherits from them.
WITH RECURSIVE tree (root, relation) AS (
    SELECT o.root, o.root FROM pg_catalog.unnest('{ROOTS}'::oid[]) o (root)
    UNION
    SELECT t.root, i.inhrelid FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.relation
),
ours AS (
    SELECT g.tgrelid, g.tgname, g.tgenabled, p.prosrc,
        p.proname = pg_catalog.concat('changed_', g.tgrelid) AND n.nspname = 'rowcall' AS right_function
    FROM pg_catalog.pg_trigger g
    JOIN pg_catalog.pg_proc p ON p.oid = g.tgfoid
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE NOT g.tgisinternal AND (n.nspname = 'rowcall' OR g.tgname LIKE 'rowcall\_%')
)
SELECT pg_catalog.json_build_object(
    'role', current_user,
    'schema', EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = 'rowcall'),
    'state', EXISTS (
        SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
        WHERE n.nspname = 'rowcall' AND c.relname = 'state'),
    'relations', (
        SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
            'root', t.root::int8,
            'oid', c.oid::int8,
            'schema', n.nspname,
            'name', c.relname,
            'owner', pg_catalog.pg_get_userbyid(c.relowner),
            'owned', pg_catalog.pg_has_role(c.relowner, 'USAGE'),
            'present', (
                SELECT coalesce(pg_catalog.json_agg(o.tgname ORDER BY o.tgname), '[]') FROM ours o WHERE o.tgrelid = c.oid),
            'sound', (
                SELECT coalesce(pg_catalog.json_agg(o.tgname ORDER BY o.tgname), '[]') FROM ours o
                WHERE o.tgrelid = c.oid AND o.right_function AND o.tgenabled = 'A'),
            'body', (
                SELECT p.prosrc FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace m ON m.oid = p.pronamespace
                WHERE m.nspname = 'rowcall' AND p.proname = pg_catalog.concat('changed_', c.oid))
        ) ORDER BY n.nspname, c.relname), '[]')
        FROM (
            SELECT root, relation FROM tree
            UNION
            SELECT NULL, o.tgrelid FROM ours o WHERE o.tgrelid NOT IN (SELECT relation FROM tree)
        ) t
        JOIN pg_catalog.pg_class c ON c.oid = t.relation
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace)
)
