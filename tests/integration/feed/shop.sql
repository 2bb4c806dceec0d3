CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE shelf (id int4 PRIMARY KEY, title text NOT NULL);
CREATE TABLE item (
    id int8 PRIMARY KEY,
    shelf int4 REFERENCES shelf ON DELETE CASCADE,
    title text NOT NULL
);
CREATE TABLE line (
    item int8 NOT NULL REFERENCES item ON DELETE CASCADE,
    number int4 NOT NULL,
    note text,
    PRIMARY KEY (item, number)
);
CREATE TABLE event (id int8 NOT NULL, day int4 NOT NULL, note text, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
-- Columns in another order than the root's.
CREATE TABLE event_1 (note text, gone int4, day int4 NOT NULL, id int8 NOT NULL);
ALTER TABLE event_1 DROP COLUMN gone;
ALTER TABLE event ATTACH PARTITION event_1 FOR VALUES FROM (0) TO (10);
CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM (10) TO (20);
CREATE TABLE animal (id int8 PRIMARY KEY, name text);
CREATE TABLE dog (bark text) INHERITS (animal);
ALTER TABLE dog ADD PRIMARY KEY (id);
CREATE VIEW titled AS SELECT id, upper(title) AS title FROM item;
INSERT INTO shelf SELECT n, 'shelf ' || n FROM generate_series(1, 9) n;
INSERT INTO item SELECT n, 1 + n % 3, 'item ' || n FROM generate_series(1, 300) n;
INSERT INTO line SELECT n, 1, 'line' FROM generate_series(1, 20) n;
INSERT INTO event SELECT n, n % 20, 'event' FROM generate_series(0, 19) n;
INSERT INTO animal VALUES (1, 'cat');
INSERT INTO dog VALUES (2, 'rex', 'loud');
