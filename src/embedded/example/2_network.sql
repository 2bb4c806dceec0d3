-- A number from 0 to sides - 1 that looks thrown and is the same on every machine.
-- One expression, which Postgres inlines: a subquery here would take the load three times as long.
CREATE FUNCTION pg_temp.roll(n bigint, salt bigint, sides integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT (((n + salt * 7919) * 2654435761 % 4294967291 * 48271 % 2147483647) % sides)::integer
$$;

INSERT INTO zone
SELECT i, CASE WHEN i > 5 THEN 2 + (i - 6) / 4 WHEN i > 1 THEN 1 END, name, 960000 / (1 + i / 2)
FROM unnest(ARRAY[
    'Port Maren', 'Northbank', 'Old Harbour', 'Hillside', 'Eastfields', 'Upper Northbank', 'Ferry Gate', 'Glassworks',
    'Canal Quarter', 'Customs House', 'Fish Market', 'Lighthouse', 'Ropewalk', 'Observatory', 'Vineyards', 'Five Wells',
    'Orchard End', 'Airfield', 'Mill Race', 'Brickyard', 'Station Meadows'
]) WITH ORDINALITY AS names (name, i);

INSERT INTO station
SELECT
    i,
    6 + i % 16,
    (SELECT name FROM zone WHERE zone_id = 6 + i % 16) || ' ' || (ARRAY[
        'Square', 'Bridge', 'Library', 'Baths', 'Tram Stop', 'School', 'Park Gate', 'Bakery', 'Clinic', 'Steps'
    ])[1 + (i - 1) / 16],
    ROW(
        (ARRAY['Anchor Lane', 'Kiln Street', 'Quay Road', 'Poplar Walk', 'Rope Alley', 'Tannery Row'])[1 + pg_temp.roll(i, 1, 6)],
        (1 + pg_temp.roll(i, 2, 140))::text || CASE WHEN i % 9 = 0 THEN 'b' ELSE '' END,
        'PM' || lpad((10 + i % 16)::text, 2, '0')
    )::address,
    54.3 + pg_temp.roll(i, 3, 90000) / 1000000.0,
    10.1 + pg_temp.roll(i, 4, 140000) / 1000000.0,
    date '2023-03-01' + pg_temp.roll(i, 5, 400),
    CASE WHEN i % 5 = 0 THEN time '00:00' ELSE time '05:30' END,
    CASE WHEN i % 5 = 0 THEN time '24:00' ELSE time '23:15' END,
    array_remove(ARRAY[
        CASE WHEN i % 2 = 0 THEN 'pump' END, CASE WHEN i % 3 = 0 THEN 'roof' END,
        CASE WHEN i % 7 = 0 THEN 'cargo bay' END, CASE WHEN i % 4 = 0 THEN 'charger' END
    ], NULL),
    ('10.20.' || i / 100 || '.' || i % 100 + 10)::inet,
    jsonb_build_object(
        'display', jsonb_build_object('language', (ARRAY['en', 'de', 'da'])[1 + i % 3], 'brightness', i % 100),
        'payment', to_jsonb(ARRAY['card', 'app'] || CASE WHEN i % 6 = 0 THEN ARRAY['cash'] ELSE ARRAY[]::text[] END))
FROM generate_series(1, 160) AS i;

INSERT INTO dock
SELECT
    station_id,
    number,
    CASE WHEN pg_temp.roll(station_id * 40 + number, 6, 25) = 0 THEN 'out of order' ELSE 'free' END::dock_state,
    opened + pg_temp.roll(station_id * 40 + number, 7, 90),
    CASE WHEN number % 11 <> 0 THEN timestamptz '2026-06-01 08:00Z' + pg_temp.roll(station_id * 40 + number, 8, 90) * interval '1 hour' END
FROM station, generate_series(1, 14 + station_id % 9) AS number;

