-- The tables behind store.proto. catalog.json is what the statement of src/catalog/introspect.rs
-- answers in a database with just these, its functions left out.
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'very happy');
CREATE TYPE place AS (city text, zip varchar);
CREATE DOMAIN positive AS int4 CHECK (VALUE > 0);

CREATE TABLE artist (
    artist_id int PRIMARY KEY,
    name text NOT NULL,
    deleted_at timestamptz
);

CREATE TABLE album (
    album_id int PRIMARY KEY,
    title varchar(200) NOT NULL,
    artist_id int REFERENCES artist,
    deleted_at timestamptz
);

CREATE TABLE track (
    track_id positive PRIMARY KEY,
    title text NOT NULL,
    album_id int REFERENCES album,
    genre text,
    milliseconds int NOT NULL,
    price numeric(10, 2),
    mood mood,
    state int,
    tags text[],
    codes varchar(8)[],
    attributes jsonb,
    document json,
    labels hstore,
    studio place,
    seats int4range,
    recorded_at timestamptz,
    released date,
    starts time,
    address inet,
    fingerprint uuid,
    picture bytea,
    live boolean,
    nickname text COLLATE folded,
    handle citext,
    code char(5),
    spot point,
    score xml,
    rating float8,
    cost money
);

CREATE TABLE playlist (playlist_id int PRIMARY KEY, name text NOT NULL);

CREATE TABLE playlist_track (
    playlist_id int REFERENCES playlist,
    track_id int REFERENCES track,
    PRIMARY KEY (playlist_id, track_id)
);

CREATE TABLE line (
    invoice text,
    number int,
    mood mood NOT NULL,
    PRIMARY KEY (invoice, number, mood)
);
