CREATE TABLE rowcall.state (
    single bool PRIMARY KEY DEFAULT true CHECK (single),
    version int NOT NULL,
    identity uuid NOT NULL DEFAULT gen_random_uuid(),
    life uuid,
    floor_xmin xid8 NOT NULL,
    pending_xmin xid8 NOT NULL,
    pending_at timestamptz NOT NULL
);

COMMENT ON TABLE rowcall.state IS 'Rowcall: changes before floor_xmin are forgotten; those before pending_xmin are next. life is the nonce, where standbys have it too.';

CREATE UNLOGGED TABLE rowcall.change (
    xid xid8 NOT NULL,
    relation oid NOT NULL,
    keys bytea[]
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);

COMMENT ON TABLE rowcall.change IS 'Rowcall: what recent transactions changed. keys: the column (0 is the key), then its bytes; NULL is any rows. A crash and a promotion empty it with rowcall.epoch, after which nothing older is served.';

CREATE INDEX change_xid ON rowcall.change (xid);

CREATE TABLE rowcall.followed (
    relation oid PRIMARY KEY,
    root oid NOT NULL,
    key text[] NOT NULL,
    parts text[] NOT NULL
);

COMMENT ON TABLE rowcall.followed IS 'Rowcall: what the triggers of a table tell of its rows.';

CREATE UNLOGGED TABLE rowcall.epoch (
    single bool PRIMARY KEY DEFAULT true CHECK (single),
    nonce uuid NOT NULL
);

COMMENT ON TABLE rowcall.epoch IS 'Rowcall: a crash and a promotion empty it, after which transaction ids may repeat.';

CREATE FUNCTION rowcall.begin_epoch(ended uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF ended IS NULL THEN
        INSERT INTO rowcall.epoch (nonce) VALUES (gen_random_uuid()) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            -- What prepared transactions had told was lost with the rest, and they may yet be committed: any rows, then.
            INSERT INTO rowcall.change (xid, relation, keys)
            SELECT (s.xmin + ((p.transaction::text::int8 - s.xmin) & 4294967295))::text::xid8, f.root, NULL
            FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::int8 AS xmin) s,
                pg_prepared_xacts p, (SELECT DISTINCT root FROM rowcall.followed) f
            WHERE p.database = current_database();
        END IF;
    ELSE
        UPDATE rowcall.epoch SET nonce = gen_random_uuid() WHERE nonce = ended;
    END IF;
    UPDATE rowcall.state SET life = e.nonce FROM rowcall.epoch e WHERE life IS DISTINCT FROM e.nonce;
END
$$;

CREATE FUNCTION rowcall.clean(keep interval, rows_max int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    here rowcall.state;
    now timestamptz := clock_timestamp();
    gone int;
BEGIN
    -- Without a lock first, which would take a transaction id for nothing.
    SELECT * INTO here FROM rowcall.state;
    IF here.pending_at > now - keep AND here.pending_at <= now
        AND NOT EXISTS (SELECT FROM rowcall.change WHERE xid < here.floor_xmin)
    THEN
        RETURN 0;
    END IF;
    SELECT * INTO here FROM rowcall.state FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    IF here.pending_at <= now - keep THEN
        UPDATE rowcall.state SET floor_xmin = here.pending_xmin,
            pending_xmin = pg_snapshot_xmin(pg_current_snapshot()), pending_at = now
        RETURNING * INTO here;
    ELSIF here.pending_at > now THEN
        -- The clock was set back.
        UPDATE rowcall.state SET pending_at = now;
    END IF;
    DELETE FROM rowcall.change WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM rowcall.change WHERE xid < here.floor_xmin ORDER BY xid LIMIT rows_max));
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA rowcall FROM PUBLIC;

INSERT INTO rowcall.state (version, floor_xmin, pending_xmin, pending_at)
SELECT 1, pg_snapshot_xmin(s), pg_snapshot_xmin(s), clock_timestamp() FROM pg_current_snapshot() s;
