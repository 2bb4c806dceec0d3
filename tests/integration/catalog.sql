-- What a catalog must know, in its awkward forms.
CREATE SCHEMA "odd schema";
CREATE SCHEMA hidden;
CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('so so', 'glad');
ALTER TYPE mood ADD VALUE 'sad' BEFORE 'so so';
CREATE TYPE place AS (street text, gone int, number numeric(5, 2));
ALTER TYPE place DROP ATTRIBUTE gone;
CREATE DOMAIN code AS varchar(8) NOT NULL;
CREATE DOMAIN short_code AS code CHECK (length(VALUE) < 4);
CREATE TYPE float_range AS RANGE (subtype = float8);

CREATE TABLE "odd schema"."Select" ("order" int, "table""quoted" text, PRIMARY KEY ("order"));

CREATE TABLE thing (
    gone int,
    b text COLLATE folded,
    a int NOT NULL,
    mood mood,
    moods mood[],
    code short_code,
    place place,
    span float_range,
    number numeric(10, 2),
    other int REFERENCES "odd schema"."Select",
    PRIMARY KEY (b, a)
);
ALTER TABLE thing DROP COLUMN gone;
COMMENT ON COLUMN thing.mood IS 'How it feels';
CREATE INDEX thing_sorted ON thing (a DESC, mood NULLS FIRST) INCLUDE (number);
CREATE INDEX thing_partial ON thing (other) WHERE a > 0;
CREATE INDEX thing_pattern ON thing (lower(b), code varchar_pattern_ops);
CREATE UNIQUE INDEX thing_unique ON thing (a);

CREATE TABLE event (id int, at date, thing_b text COLLATE folded, thing_a int, PRIMARY KEY (id, at),
    FOREIGN KEY (thing_b, thing_a) REFERENCES thing (b, a)) PARTITION BY RANGE (at);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE event_2 PARTITION OF event DEFAULT;
CREATE TABLE note (id int PRIMARY KEY, event_id int, event_at date,
    FOREIGN KEY (event_id, event_at) REFERENCES event (id, at));
INSERT INTO event SELECT i, '2025-05-05' FROM generate_series(1, 10) AS i;

CREATE VIEW seen AS SELECT a, mood FROM thing;
CREATE MATERIALIZED VIEW kept AS SELECT a FROM thing;
CREATE TABLE guarded (id int PRIMARY KEY, open text, closed text);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION plain(a int, b text DEFAULT 'x') RETURNS int LANGUAGE sql IMMUTABLE RETURN a;
CREATE FUNCTION rows(INOUT a int, OUT b text, VARIADIC c int[]) RETURNS SETOF record LANGUAGE sql STABLE
    AS 'SELECT a, $$x$$::text';
CREATE FUNCTION things() RETURNS SETOF thing LANGUAGE sql STABLE AS 'TABLE thing';
CREATE FUNCTION listed(m int) RETURNS TABLE (x int, y mood) LANGUAGE sql AS 'SELECT m, NULL::mood';
CREATE FUNCTION hidden.secret() RETURNS int LANGUAGE sql RETURN 1;
CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE PROCEDURE acts() LANGUAGE sql AS 'SELECT 1';
