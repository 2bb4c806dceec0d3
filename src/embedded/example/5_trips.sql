INSERT INTO trip
SELECT
    season,
    n,
    rider_id,
    bike_id,
    from_station_id,
    CASE WHEN NOT lasts AND i % 53 <> 0 THEN to_station_id END,
    started_at,
    CASE WHEN lasts THEN tstzrange(started_at, NULL) ELSE tstzrange(started_at, started_at + duration) END,
    duration,
    metres,
    CASE WHEN i % 3 = 0 THEN 0 ELSE round(1 + extract(epoch FROM duration)::numeric / 60 * 0.12, 2) END,
    CASE WHEN pg_temp.roll(i, 56, 3) = 0 THEN 1 + pg_temp.roll(i, 57, 5) END,
    CASE WHEN i % 211 = 0 THEN (ARRAY['Squeaky brake.', 'Lovely evening ride 🌊', 'Dock would not let go', 'Fast!'])[1 + i % 4] END
FROM (
    SELECT
        i,
        2024 + (i - 1) / 70000 AS season,
        1 + (i - 1) % 70000 AS n,
        1 + pg_temp.roll(i, 50, 14000) AS rider_id,
        bikes[1 + pg_temp.roll(i, 51, 2400)] AS bike_id,
        1 + pg_temp.roll(i, 52, 160) AS from_station_id,
        1 + pg_temp.roll(i, 53, 160) AS to_station_id,
        make_timestamptz(2024 + (i - 1) / 70000, 3, 1, 5, 30, 0, 'UTC') + ((i - 1) % 70000) * interval '3 minutes 40 seconds' AS started_at,
        make_interval(secs => 150 + metres / 4 + pg_temp.roll(i, 55, 600)) AS duration,
        metres,
        i > 189990 AS lasts
    FROM
        generate_series(1, 190000) AS i,
        LATERAL (SELECT 400 + pg_temp.roll(i, 54, 90) * pg_temp.roll(i, 58, 90) AS metres) AS length,
        (SELECT array_agg(bike_id ORDER BY plate) AS bikes FROM bike) AS fleet
) AS rides;

