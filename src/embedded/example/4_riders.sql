INSERT INTO rider
SELECT
    i,
    CASE WHEN i > 100 AND i % 4 = 0 THEN 1 + pg_temp.roll(i, 31, (i / 2)::integer) END,
    CASE WHEN i % 5 <> 0 THEN 1 + pg_temp.roll(i, 32, 160) END,
    lower(first) || '.' || lower(replace(last, '''', '')) || i || '@example.com',
    first || ' ' || last,
    CASE WHEN i % 6 = 0 THEN left(first, 2) || (ARRAY['ster', 'zo', 'bike', 'ly'])[1 + i % 4] END,
    date '1948-01-01' + pg_temp.roll(i, 35, 22000),
    timestamptz '2023-03-01 09:00Z' + pg_temp.roll(i, 36, 1150) * interval '1 day' + pg_temp.roll(i, 37, 86400) * interval '1 second',
    pg_temp.roll(i, 38, 20000) / 100.0 - 20,
    jsonb_build_object(
        'units', CASE WHEN i % 9 = 0 THEN 'miles' ELSE 'km' END,
        'newsletter', i % 3 = 0,
        'saddle_cm', 80 + pg_temp.roll(i, 39, 30)),
    CASE WHEN i % 41 = 0 THEN timestamptz '2026-05-01 12:00Z' + i % 30 * interval '1 day' END
FROM (
    SELECT
        i,
        (ARRAY['Ada', 'Björn', 'Chloé', 'Dinesh', 'Edda', 'Farah', 'Grace', 'Hugo', 'Ines', 'Jonas', 'Kenji', 'Łucja',
            'Mira', 'Noor', 'Oskar', 'Priya', 'Quentin', 'Rosa', 'Søren', 'Tariq', 'Uma', 'Viktor', 'Wanda', 'Zoë'])
            [1 + pg_temp.roll(i, 33, 24)] AS first,
        (ARRAY['Albrecht', 'Berg', 'Costa', 'Dahl', 'Engel', 'Fischer', 'García', 'Holm', 'Ito', 'Jansen', 'Kowalski',
            'Lindqvist', 'Moreau', 'Nguyen', 'O''Brien', 'Petersen', 'Rossi', 'Schmidt', 'Tamm', 'Ueda', 'Voss', 'Weber'])
            [1 + pg_temp.roll(i, 34, 22)] AS last
    FROM generate_series(1::bigint, 14000) AS i
) AS people;

INSERT INTO favourite
SELECT rider_id, station_id, joined_at::date + pg_temp.roll(rider_id, 40, 60)
FROM rider, LATERAL (
    SELECT DISTINCT 1 + pg_temp.roll(rider_id * 7 + k, 41, 160) AS station_id
    FROM generate_series(1, (rider_id % 4)::integer) AS k
) AS stations;

INSERT INTO pass
SELECT
    row_number() OVER (ORDER BY rider_id, k),
    rider_id,
    kind,
    CASE kind
        WHEN 'day' THEN daterange(begins, begins + 1)
        WHEN 'month' THEN daterange(begins, (begins + interval '1 month')::date)
        ELSE daterange(begins, (begins + interval '1 year')::date)
    END,
    CASE kind WHEN 'day' THEN 4.5 WHEN 'month' THEN 18 WHEN 'year' THEN 149.9 ELSE 99 END
FROM (
    SELECT
        rider_id,
        k,
        (ARRAY['day', 'month', 'month', 'year', 'student year'])[1 + pg_temp.roll(rider_id + k, 42, 5)]::pass_kind AS kind,
        joined_at::date + k * 120 AS begins
    FROM rider, generate_series(0, (rider_id % 3)::integer) AS k
) AS passes;

