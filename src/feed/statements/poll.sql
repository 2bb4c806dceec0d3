-- $1 the snapshot since which is asked, as text; $2 the tables and views; $3 what their facts were summed up as, empty for
-- all of them anew; $4 the most changes; $5 the xmin of a snapshot from before the catalog was read for the plans. One row about
-- the database, then a row for each change. Where no transaction has ended since, there is nothing to look for: DDL takes an id
-- too. Rows of the catalog are told apart by who wrote them (xmin), so that what was done and undone in between is seen as well.
--
-- Not so what came and is gone again, rows and all. Of what does, two things matter: tables that inherited from this one, whose
-- rows were its own for a while, and a subscription, whose writes nobody tells of. The first of them leaves a trace: in pg_class
-- (relhassubclass), and in an index that begins with one page and never gives back the next, but to REINDEX, after which it is
-- another index. So an equal "mark", which is the print and that index, "proves" while there is no such trace. A table that
-- inherits has it in its columns (attinhcount), but from a parent without any: a DELETE through one that comes and goes is not heard of.
--
-- "newer": ids in rows have 32 bits and are compared modulo, so a row frozen long ago may pass for new, and never a new one for old.
WITH RECURSIVE asked AS MATERIALIZED (
    SELECT s.snapshot, s.snapshot <> $1 AS moved, s.snapshot <> $1 OR $3 = '' AS doubtful
    FROM (SELECT pg_catalog.pg_current_snapshot()::text AS snapshot) s
),
tree (root, relation) AS (
    SELECT o.root, o.root FROM pg_catalog.unnest($2::oid[]) o (root)
    UNION
    SELECT t.root, i.inhrelid FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.relation
),
prints AS MATERIALIZED (
    SELECT t.root, pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(' ', t.relation, c.xmin,
        (SELECT pg_catalog.string_agg(a.xmin::text, ',' ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.relation AND a.attnum > 0),
        (SELECT pg_catalog.string_agg(pg_catalog.concat(y.xmin, '+', e.xmin, '+', m.xmin), ',' ORDER BY a.attnum, e.oid, m.attnum)
            FROM pg_catalog.pg_attribute a
            JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
            LEFT JOIN pg_catalog.pg_enum e ON e.enumtypid IN (y.oid, y.typbasetype, y.typelem)
            LEFT JOIN pg_catalog.pg_attribute m ON y.typrelid <> 0 AND m.attrelid = y.typrelid AND m.attnum > 0
            WHERE a.attrelid = t.relation AND a.attnum > 0 AND a.atttypid >= 16384),
        (SELECT pg_catalog.string_agg(pg_catalog.concat(g.xmin, '+', p.xmin), ',' ORDER BY g.oid)
            FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_proc p ON p.oid = g.tgfoid WHERE g.tgrelid = t.relation),
        (SELECT pg_catalog.string_agg(i.xmin::text, ',' ORDER BY i.inhseqno)
            FROM pg_catalog.pg_inherits i WHERE i.inhrelid = t.relation),
        (SELECT pg_catalog.string_agg(o.xmin::text, ',' ORDER BY o.oid)
            FROM pg_catalog.pg_policy o WHERE o.polrelid = t.relation),
        (SELECT pg_catalog.string_agg(r.xmin::text, ',' ORDER BY r.oid)
            FROM pg_catalog.pg_rewrite r WHERE r.ev_class = t.relation),
        (SELECT pg_catalog.string_agg(u.srsubid::text, ',' ORDER BY u.srsubid)
            FROM pg_catalog.pg_subscription_rel u WHERE u.srrelid = t.relation),
        (SELECT f.xmin::text FROM rowcall.followed f WHERE f.relation = t.relation)
    ), ';' ORDER BY t.relation)) AS print
    FROM tree t LEFT JOIN pg_catalog.pg_class c ON c.oid = t.relation
    GROUP BY t.root
),
summed AS MATERIALIZED (
    SELECT coalesce(pg_catalog.md5(pg_catalog.string_agg(p.root || p.print, ',' ORDER BY p.root)), 'none') AS digest
    FROM prints p
)
SELECT pg_catalog.json_build_object(
    'snapshot', a.snapshot,
    'recovery', pg_catalog.pg_is_in_recovery(),
    'system', SYSTEM,
    'nonce', (SELECT e.nonce FROM rowcall.epoch e),
    'version', s.version,
    'floor', s.floor_xmin::text,
    'digest', CASE WHEN a.doubtful THEN (SELECT d.digest FROM summed d) END,
    'facts', CASE WHEN a.doubtful AND (SELECT d.digest <> $3 FROM summed d) THEN (
        SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
            'root', p.root::int8,
            'print', p.print,
            'mark', pg_catalog.concat(p.print, ' ', x.xmin),
            'proves', (
                SELECT pg_catalog.bool_and(NOT c.relhassubclass)
                FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.relation WHERE t.root = p.root
            ) IS TRUE AND CASE
                -- In this order, since both are of now: the file whose size it was is the snapshot's.
                WHEN pg_catalog.pg_relation_size(x.oid) <= pg_catalog.current_setting('block_size')::int8
                THEN pg_catalog.pg_relation_filenode(x.oid) = x.relfilenode
                ELSE false END,
            'newer', EXISTS (
                SELECT FROM tree t CROSS JOIN LATERAL (
                    SELECT c.xmin FROM pg_catalog.pg_class c WHERE c.oid = t.relation
                    UNION ALL
                    SELECT a.xmin FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.relation AND a.attnum > 0
                    UNION ALL
                    SELECT pg_catalog.unnest(ARRAY[y.xmin, e.xmin, m.xmin]) FROM pg_catalog.pg_attribute a
                        JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
                        LEFT JOIN pg_catalog.pg_enum e ON e.enumtypid IN (y.oid, y.typbasetype, y.typelem)
                        LEFT JOIN pg_catalog.pg_attribute m ON y.typrelid <> 0 AND m.attrelid = y.typrelid AND m.attnum > 0
                        WHERE a.attrelid = t.relation AND a.attnum > 0 AND a.atttypid >= 16384
                    UNION ALL
                    SELECT i.xmin FROM pg_catalog.pg_inherits i WHERE i.inhrelid = t.relation
                    UNION ALL
                    SELECT r.xmin FROM pg_catalog.pg_rewrite r WHERE r.ev_class = t.relation
                ) w
                WHERE t.root = p.root AND w.xmin::text::int8 > 2 AND (w.xmin::text::int8 - $5) & 4294967295 < 2147483648),
            'relations', (
                SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                    'name', pg_catalog.concat(n.nspname, '.', c.relname),
                    'kind', c.relkind,
                    'row_security', c.relrowsecurity,
                    'subscribed', EXISTS (
                        SELECT FROM pg_catalog.pg_subscription_rel u WHERE u.srrelid = t.relation),
                    'triggers', (
                        SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(g.tgname, g.tgenabled)), '[]')
                        FROM pg_catalog.pg_trigger g
                        JOIN pg_catalog.pg_proc q ON q.oid = g.tgfoid
                        JOIN pg_catalog.pg_namespace m ON m.oid = q.pronamespace
                        WHERE g.tgrelid = t.relation AND m.nspname = 'rowcall'
                            AND q.proname = pg_catalog.concat('changed_', t.relation)),
                    'told', (
                        SELECT pg_catalog.json_build_object('key', f.key, 'parts', f.parts)
                        FROM rowcall.followed f WHERE f.relation = t.relation AND f.root = t.root)
                ) ORDER BY t.relation)
                FROM tree t
                JOIN pg_catalog.pg_class c ON c.oid = t.relation
                JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE t.root = p.root)
        )), '[]')
        FROM prints p CROSS JOIN pg_catalog.pg_class x
        WHERE x.oid = 'pg_catalog.pg_subscription_rel_srrelid_srsubid_index'::regclass) END
)::text, NULL::xid8, NULL::oid, NULL::bytea[]
FROM asked a CROSS JOIN rowcall.state s
UNION ALL
(SELECT NULL, c.xid, c.relation, c.keys
FROM (
    SELECT c.xid, c.relation, c.keys FROM rowcall.change c
    WHERE c.xid >= pg_catalog.pg_snapshot_xmax($1::pg_snapshot)
    UNION ALL
    SELECT c.xid, c.relation, c.keys FROM rowcall.change c
    WHERE c.xid = ANY (ARRAY(SELECT pg_catalog.pg_snapshot_xip($1::pg_snapshot)))
) c
WHERE (SELECT a.moved FROM asked a)
LIMIT $4)
