INSERT INTO model VALUES
    (1, 'Courier', 'Maren Works', 3, NULL, 19.5, 640.00, '[150,196)', '\x89c0ffee01'),
    (2, 'Courier E', 'Maren Works', 5, 418, 24.2, 1790.00, '[150,196)', '\x89c0ffee02'),
    (3, 'Dolphin', 'Holm & Daughters', 7, NULL, 15.1, 829.90, '[158,)', '\x89c0ffee03'),
    (4, 'Dolphin Junior', 'Holm & Daughters', 3, NULL, 11.8, 389.90, '[120,150)', '\x89c0ffee04'),
    (5, 'Packhorse', 'Velo Nord', 8, 725, 41.0, 4350.50, '[160,200)', '\x89c0ffee05'),
    (6, 'Gull', 'Velo Nord', 11, 540, 17.9, 2999.99, '[165,205)', '\x89c0ffee06'),
    (7, 'Tandem', 'Holm & Daughters', 7, NULL, 27.4, 1480.00, '[155,)', ''),
    (8, 'Rickshaw', 'Maren Works', 8, 900, 78.6, 7200.00, '[165,)', '\x00ff');

INSERT INTO bike
SELECT
    (lpad(to_hex(i * 2654435761 % 4294967296), 8, '0') || '-b1ce-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid,
    model_id,
    NULL,
    NULL,
    'PM-' || lpad(i::text, 5, '0'),
    (ARRAY['ready', 'ready', 'ready', 'ready', 'ready', 'ready', 'in repair', 'retired', 'on a trip'])
        [1 + pg_temp.roll(i, 11, 9)]::bike_state,
    CASE WHEN battery_wh IS NOT NULL THEN pg_temp.roll(i, 12, 101) END,
    date '2023-02-01' + pg_temp.roll(i, 13, 900),
    CASE WHEN i % 3 = 0 THEN interval '3 months' ELSE interval '90 days 12:00' END,
    CASE WHEN i % 8 = 0 THEN ARRAY['new tyres', 'winter'] WHEN i % 5 = 0 THEN ARRAY['winter'] ELSE '{}' END,
    jsonb_build_object(
        'firmware', '2.' || i % 5 || '.' || i % 11,
        'tyres', jsonb_build_object('front_bar', round(3 + i % 20 / 10.0, 1), 'rear_bar', round(3 + i % 17 / 10.0, 1)),
        'faults', CASE WHEN i % 13 = 0 THEN '["brake"]'::jsonb ELSE '[]'::jsonb END)
FROM (
    SELECT i, (ARRAY[1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8])[1 + pg_temp.roll(i, 10, 12)] AS model_id
    FROM generate_series(1::bigint, 2400) AS i
) AS bikes JOIN model USING (model_id);

-- A bike that is ready stands in a dock that works, one to each.
UPDATE bike
SET station_id = docks.station_id, dock_number = docks.number
FROM
    (SELECT bike_id, row_number() OVER (ORDER BY plate) AS n FROM bike WHERE state = 'ready') AS bikes,
    (SELECT station_id, number, row_number() OVER (ORDER BY pg_temp.roll(station_id * 40 + number, 14, 1000000), station_id, number) AS n
        FROM dock WHERE state = 'free') AS docks
WHERE bike.bike_id = bikes.bike_id AND bikes.n = docks.n;
UPDATE dock SET state = 'taken'
FROM bike WHERE bike.station_id = dock.station_id AND bike.dock_number = dock.number;

INSERT INTO repair
SELECT
    i,
    bike_id,
    reported_at,
    (ARRAY['brake', 'tyre', 'chain', 'light', 'lock', 'battery', 'saddle'])[1 + pg_temp.roll(i, 21, 7)],
    minutes,
    minutes * 0.85 + pg_temp.roll(i, 23, 9000) / 100.0,
    CASE WHEN i % 97 = 0 THEN tstzrange(reported_at, NULL) ELSE
        tstzrange(reported_at, reported_at + (minutes + 60 * pg_temp.roll(i, 24, 72)) * interval '1 minute') END
FROM (
    SELECT
        i,
        (SELECT array_agg(bike_id ORDER BY plate) FROM bike) AS bikes,
        timestamptz '2024-01-01 06:00Z' + i * interval '2 hours 50 minutes' AS reported_at,
        5 + pg_temp.roll(i, 22, 180) AS minutes
    FROM generate_series(1, 7500) AS i
) AS faults, LATERAL (SELECT bikes[1 + pg_temp.roll(i, 20, 2400)] AS bike_id) AS chosen;

