CREATE TABLE shelf (id int4 PRIMARY KEY, title text NOT NULL);
CREATE TABLE item (id int8 PRIMARY KEY, title text NOT NULL, shelf_id int4 NOT NULL REFERENCES shelf, box_id int8 REFERENCES item);
CREATE INDEX ON item (shelf_id);
CREATE TABLE note (id int8 PRIMARY KEY, title text NOT NULL);
-- What it shows is not in its table alone.
CREATE VIEW note_seen AS SELECT id, title, clock_timestamp() AS seen FROM note;
CREATE VIEW label AS SELECT id, title FROM shelf;
CREATE FUNCTION loud(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT upper($1)';
CREATE VIEW shout AS SELECT id, loud(title) AS title FROM shelf;
CREATE TABLE secret (id int8 PRIMARY KEY);
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
INSERT INTO shelf SELECT n, 'shelf ' || n FROM generate_series(1, 4) n;
INSERT INTO item SELECT n, 'item ' || n, 1 + n % 4 FROM generate_series(1, 40) n;
UPDATE item SET box_id = 1 WHERE id = 5;
INSERT INTO note VALUES (1, 'note');
