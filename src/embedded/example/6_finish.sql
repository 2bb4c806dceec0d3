-- Checked once for all rows, which is far quicker than one by one.
ALTER TABLE trip
    ADD FOREIGN KEY (rider_id) REFERENCES rider,
    ADD FOREIGN KEY (bike_id) REFERENCES bike,
    ADD FOREIGN KEY (from_station_id) REFERENCES station,
    ADD FOREIGN KEY (to_station_id) REFERENCES station;

CREATE INDEX ON station (zone_id);
CREATE INDEX ON bike (model_id);
CREATE INDEX ON bike (station_id, dock_number);
CREATE INDEX ON repair (bike_id, repair_id);
CREATE INDEX ON rider (invited_by);
CREATE INDEX ON rider (joined_at, rider_id);
CREATE INDEX ON favourite (station_id);
CREATE INDEX ON pass (rider_id);
CREATE INDEX ON trip (rider_id, season, trip_id);
CREATE INDEX ON trip (bike_id, season, trip_id);
CREATE INDEX ON trip (from_station_id);
CREATE INDEX ON trip (started_at, season, trip_id);

CREATE VIEW board AS
SELECT
    station_id,
    name,
    count(*) FILTER (WHERE state = 'taken') AS bikes,
    count(*) FILTER (WHERE state = 'free') AS free_docks,
    count(*) FILTER (WHERE state = 'out of order') AS broken_docks
FROM station JOIN dock USING (station_id)
GROUP BY station_id, name;

CREATE MATERIALIZED VIEW rush AS
SELECT
    extract(isodow FROM started_at AT TIME ZONE 'UTC')::integer AS weekday,
    extract(hour FROM started_at AT TIME ZONE 'UTC')::integer AS hour,
    count(*) AS trips,
    round(avg(metres), 1) AS mean_metres
FROM trip
GROUP BY 1, 2;
CREATE UNIQUE INDEX ON rush (weekday, hour);

CREATE FUNCTION stations_near(latitude double precision, longitude double precision, stations_max integer DEFAULT 5)
RETURNS TABLE (station_id integer, name text, metres double precision) LANGUAGE sql STABLE AS $$
    SELECT s.station_id, s.name, round(111320 * sqrt(
        power(s.latitude - stations_near.latitude, 2)
        + power((s.longitude - stations_near.longitude) * cos(radians(s.latitude)), 2)))
    FROM station AS s
    ORDER BY 3, 1
    LIMIT stations_max
$$;

ANALYZE;
