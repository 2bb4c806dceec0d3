-- A city's shared bicycles: zones hold stations, stations hold docks, docks hold bikes, riders take trips.

CREATE DOMAIN email AS text CHECK (VALUE ~ '^[^@ ]+@[^@ ]+$');
CREATE DOMAIN percent AS smallint CHECK (VALUE BETWEEN 0 AND 100);

CREATE TYPE address AS (street text, house text, postcode text);
CREATE TYPE dock_state AS ENUM ('free', 'taken', 'out of order');
CREATE TYPE bike_state AS ENUM ('ready', 'on a trip', 'in repair', 'retired');
CREATE TYPE pass_kind AS ENUM ('day', 'month', 'year', 'student year');

CREATE TABLE zone (
    zone_id integer PRIMARY KEY,
    parent_zone_id integer REFERENCES zone,
    name text NOT NULL UNIQUE,
    population integer NOT NULL
);
COMMENT ON COLUMN zone.parent_zone_id IS 'The zone around this one; the city itself has none.';

CREATE TABLE station (
    station_id integer PRIMARY KEY,
    zone_id integer NOT NULL REFERENCES zone,
    name text NOT NULL UNIQUE,
    address address NOT NULL,
    latitude double precision NOT NULL,
    longitude double precision NOT NULL,
    opened date NOT NULL,
    opens time NOT NULL,
    closes time NOT NULL,
    amenities text[] NOT NULL,
    terminal inet NOT NULL,
    settings jsonb NOT NULL
);
COMMENT ON COLUMN station.closes IS '24:00 when it is open into the night.';

CREATE TABLE dock (
    station_id integer NOT NULL REFERENCES station,
    number smallint NOT NULL,
    state dock_state NOT NULL,
    fitted date NOT NULL,
    checked_at timestamptz,
    PRIMARY KEY (station_id, number)
);

CREATE TABLE model (
    model_id integer PRIMARY KEY,
    name text NOT NULL,
    maker text NOT NULL,
    gears smallint NOT NULL,
    battery_wh integer,
    weight_kg real NOT NULL,
    price numeric(8, 2) NOT NULL,
    rider_height_cm int4range NOT NULL,
    badge bytea NOT NULL
);
COMMENT ON COLUMN model.battery_wh IS 'NULL for a bike without a motor.';

CREATE TABLE bike (
    bike_id uuid PRIMARY KEY,
    model_id integer NOT NULL REFERENCES model,
    station_id integer,
    dock_number smallint,
    plate text NOT NULL UNIQUE,
    state bike_state NOT NULL,
    charge percent,
    bought date NOT NULL,
    service_every interval NOT NULL,
    tags text[] NOT NULL,
    telemetry jsonb NOT NULL,
    FOREIGN KEY (station_id, dock_number) REFERENCES dock (station_id, number)
);

CREATE TABLE repair (
    repair_id integer PRIMARY KEY,
    bike_id uuid NOT NULL REFERENCES bike,
    reported_at timestamptz NOT NULL,
    fault text NOT NULL,
    labour_minutes integer NOT NULL,
    cost numeric(10, 2) NOT NULL,
    downtime tstzrange NOT NULL
);

CREATE TABLE rider (
    rider_id bigint PRIMARY KEY,
    invited_by bigint REFERENCES rider,
    home_station_id integer REFERENCES station,
    email email NOT NULL UNIQUE,
    full_name text NOT NULL,
    nickname text,
    born date NOT NULL,
    joined_at timestamptz NOT NULL,
    balance numeric(12, 2) NOT NULL,
    preferences jsonb NOT NULL,
    deleted_at timestamptz
);

CREATE TABLE favourite (
    rider_id bigint NOT NULL REFERENCES rider,
    station_id integer NOT NULL REFERENCES station,
    since date NOT NULL,
    PRIMARY KEY (rider_id, station_id)
);

CREATE TABLE pass (
    pass_id bigint PRIMARY KEY,
    rider_id bigint NOT NULL REFERENCES rider,
    kind pass_kind NOT NULL,
    valid daterange NOT NULL,
    price numeric(8, 2) NOT NULL
);

CREATE TABLE trip (
    season integer NOT NULL,
    trip_id integer NOT NULL,
    rider_id bigint NOT NULL,
    bike_id uuid NOT NULL,
    from_station_id integer NOT NULL,
    to_station_id integer,
    started_at timestamptz NOT NULL,
    ridden tstzrange NOT NULL,
    duration interval NOT NULL,
    metres integer NOT NULL,
    fare numeric(8, 2) NOT NULL,
    stars smallint,
    remark text,
    PRIMARY KEY (season, trip_id)
) PARTITION BY RANGE (season);
COMMENT ON COLUMN trip.to_station_id IS 'NULL while it lasts, and when the bike was left beside a station.';

CREATE TABLE trip_2024 PARTITION OF trip FOR VALUES FROM (2024) TO (2025);
CREATE TABLE trip_2025 PARTITION OF trip FOR VALUES FROM (2025) TO (2026);
CREATE TABLE trip_2026 PARTITION OF trip FOR VALUES FROM (2026) TO (2027);

