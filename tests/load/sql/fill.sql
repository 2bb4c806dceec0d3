-- pgbench's accounts at scale 20, of its shape, but with words in place of blanks so that gzip has something to do;
-- a row is 96 bytes as a message. Orders have one customer and three lines each.
CREATE TABLE pgbench_accounts (aid int NOT NULL, bid int NOT NULL, abalance int NOT NULL, filler char(84) NOT NULL);
INSERT INTO pgbench_accounts
SELECT aid, (aid - 1) / 100000 + 1, 20000 + (hash & 1048575),
       concat_ws(' ', word[1 + (hash & 31)], word[1 + (hash >> 5 & 31)], word[1 + (hash >> 10 & 31)],
                 word[1 + (hash >> 15 & 31)], word[1 + (hash >> 20 & 31)], word[1 + (hash >> 25 & 31)], hash,
                 word[1 + hash % 29], word[1 + hash % 31])
FROM (SELECT aid, hashint4(aid) & 2147483647 AS hash FROM generate_series(1, 2000000) AS aid) AS rows,
     string_to_array('amber birch cedar delta ember fjord grove heron inlet jetty knoll larch mango north ocean pearl quill river '
         'slate thorn umber vapor wheat xenon yield zonal brook cliff dunes flint glade haven', ' ') AS word;
ALTER TABLE pgbench_accounts ADD PRIMARY KEY (aid);

CREATE TABLE customers (customer_id int PRIMARY KEY, title text NOT NULL);
INSERT INTO customers SELECT id, 'customer number ' || id || ' of the load' FROM generate_series(100000, 119999) AS id;

CREATE TABLE orders (
    order_id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, note text NOT NULL);
INSERT INTO orders
SELECT id, 100000 + (hashint4(id) & 2147483647) % 20000, rpad('order number ' || id || ' asks for three things', 84, '.')
FROM generate_series(100000, 199999) AS id;

CREATE TABLE lines (line_id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders, article text NOT NULL);
INSERT INTO lines
SELECT 3 * id + n, id, rpad('article ' || n || ' of order ' || id, 84, '.')
FROM generate_series(100000, 199999) AS id, generate_series(0, 2) AS n;
CREATE INDEX ON lines (order_id, line_id);

VACUUM (ANALYZE, FREEZE);
CHECKPOINT;
CREATE EXTENSION pg_prewarm;
SELECT sum(pg_prewarm(oid)) FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace;
