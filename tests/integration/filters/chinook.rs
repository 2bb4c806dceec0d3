//! Filters over Chinook.

use super::{Group, all, case, none};

pub const GROUPS: &[Group] = &[
    Group {
        method: "ListTracks",
        rows: "tracks",
        parent: None,
        name: "'tracks/' || track_id",
        table: "track",
        key: "track_id",
        order: ("composer desc, length", "composer DESC, milliseconds, track_id"),
        cases: &[
            all("", "true"),
            all("   ", "true"),
            // Absent values: three truths, and NOT makes two of them one.
            case("composer = \"U2\"", "composer = 'U2'"),
            case("composer != \"U2\"", "composer IS DISTINCT FROM 'U2'"),
            case("NOT composer = \"U2\"", "(composer = 'U2') IS NOT TRUE"),
            case("-composer = \"U2\"", "(composer = 'U2') IS NOT TRUE"),
            case("NOT composer != \"U2\"", "composer = 'U2'"),
            case("NOT (NOT composer = \"U2\")", "composer = 'U2'"),
            case("composer:*", "composer IS NOT NULL"),
            case("composer = *", "composer IS NOT NULL"),
            case("composer != *", "composer IS NULL"),
            case("NOT composer:*", "composer IS NULL"),
            case("-composer:*", "composer IS NULL"),
            case("composer < \"B\"", "composer < 'B'"),
            case("NOT composer < \"B\"", "(composer < 'B') IS NOT TRUE"),
            case("composer >= \"B\" OR NOT composer:*", "composer >= 'B' OR composer IS NULL"),
            case(
                "NOT (composer = \"U2\" OR genre = \"genres/1\")",
                "(composer = 'U2' OR genre_id = 1) IS NOT TRUE",
            ),
            case(
                "NOT (composer = \"U2\" AND genre = \"genres/1\")",
                "(composer = 'U2' AND genre_id = 1) IS NOT TRUE",
            ),
            case(
                "NOT (composer < \"U\" AND NOT composer < \"B\")",
                "(composer < 'U' AND (composer < 'B') IS NOT TRUE) IS NOT TRUE",
            ),
            // OR binds tighter than AND, and than standing side by side.
            case(
                "composer = \"U2\" AND genre = \"genres/1\" OR genre = \"genres/3\"",
                "composer = 'U2' AND (genre_id = 1 OR genre_id = 3)",
            ),
            case(
                "genre = \"genres/3\" OR genre = \"genres/1\" AND composer = \"U2\"",
                "(genre_id = 3 OR genre_id = 1) AND composer = 'U2'",
            ),
            case(
                "length > 300s genre = \"genres/3\" OR genre = \"genres/2\"",
                "milliseconds > 300000 AND (genre_id = 3 OR genre_id = 2)",
            ),
            case(
                "(composer = \"U2\" AND length > 300s) OR genre = \"genres/24\"",
                "(composer = 'U2' AND milliseconds > 300000) OR genre_id = 24",
            ),
            case(
                "NOT genre = \"genres/1\" OR length < 60s",
                "(genre_id = 1) IS NOT TRUE OR milliseconds < 60000",
            ),
            case(
                "-genre = \"genres/1\" -length > 200s",
                "(genre_id = 1) IS NOT TRUE AND (milliseconds > 200000) IS NOT TRUE",
            ),
            // Stars and escapes.
            case("title = \"A*\"", "name LIKE 'A%'"),
            case("title = \"*a\"", "name LIKE '%a'"),
            case("title = \"*ou*\"", "name LIKE '%ou%'"),
            case("title != \"A*\"", "name NOT LIKE 'A%'"),
            case("composer != \"A*\"", "(composer LIKE 'A%') IS NOT TRUE"),
            case("composer = \"*\"", "composer LIKE '%'"),
            none("title = \"\\*\"", "name = '*'"),
            none("title = \"A\\*\"", "name = 'A*'"),
            case("title:\"Love\"", "strpos(name, 'Love') > 0"),
            case("NOT title:\"Love\"", "strpos(name, 'Love') = 0"),
            case("title:\"%\"", "strpos(name, '%') > 0"),
            none("title:\"_\"", "strpos(name, '_') > 0"),
            case("title:\"'\"", "strpos(name, '''') > 0"),
            case("composer:\"\\\"\"", "strpos(composer, '\"') > 0"),
            case("title:'\"'", "strpos(name, '\"') > 0"),
            case("title:\"\\\\\"", "strpos(name, '\\') > 0"),
            case("title:\"\\u00e7\"", "strpos(name, 'ç') > 0"),
            case("title = \"*ç*\"", "strpos(name, 'ç') > 0"),
            case("title = 'Balls to the Wall'", "name = 'Balls to the Wall'"),
            case("title = Believe", "name = 'Believe'"),
            case("title > \"T\" AND title <= \"The Z\"", "name > 'T' AND name <= 'The Z'"),
            none("title = \"'; DROP TABLE track; --\"", "name = '''; DROP TABLE track; --'"),
            // Durations, in milliseconds behind the field.
            case("length > 200s", "milliseconds > 200000"),
            case("length <= 200.5s", "milliseconds <= 200500"),
            case("length = 343.719s", "milliseconds = 343719"),
            case("length = \"343.719s\"", "milliseconds = 343719"),
            none("length = 343.7191s", "false"),
            all("length != 343.7191s", "true"),
            case("length < 343.7191s", "milliseconds <= 343719"),
            case("length >= 343.7191s", "milliseconds > 343719"),
            case("NOT length > 200s", "milliseconds <= 200000"),
            all("length > -1s", "true"),
            // Numbers.
            case("unit_price = 0.99", "unit_price = 0.99"),
            case("unit_price = \"0.990\"", "unit_price = 0.99"),
            case("unit_price > 1e0", "unit_price > 1"),
            case("size_bytes > 5000000.5", "bytes > 5000000.5"),
            all("size_bytes < 99999999999999999999", "true"),
            case("size_bytes >= 3000000 AND size_bytes < 3100000", "bytes BETWEEN 3000000 AND 3099999"),
            // References and names.
            case("album = \"albums/1\"", "album_id = 1"),
            case("album != \"albums/1\"", "album_id IS DISTINCT FROM 1"),
            case("name = \"tracks/42\"", "track_id = 42"),
            none("name = \"tracks/99999\"", "false"),
            all("name:*", "true"),
            all("album:*", "album_id IS NOT NULL"),
            case("in(genre, \"genres/2\", \"genres/6\")", "genre_id IN (2, 6)"),
            case("in(name, \"tracks/1\", \"tracks/3503\", \"tracks/9999\")", "track_id IN (1, 3503)"),
            case("NOT in(composer, \"U2\", \"AC/DC\")", "(composer IN ('U2', 'AC/DC')) IS NOT TRUE"),
            case("in(composer, \"U2\", \"A*\")", "composer = 'U2' OR composer LIKE 'A%'"),
            case("in(length, 343.719s, 230.619s)", "milliseconds IN (343719, 230619)"),
            case("in(unit_price, 1.99)", "unit_price = 1.99"),
            // To one row, and to one row of that.
            case(
                "album_detail.title = \"Live*\"",
                "(SELECT a.title FROM album a WHERE a.album_id = track.album_id) LIKE 'Live%'",
            ),
            case(
                "album_detail.artist_detail.title = \"AC/DC\" OR genre_detail.title = \"Opera\"",
                "track_id IN (SELECT track_id FROM track JOIN album USING (album_id) JOIN artist r USING (artist_id) \
                 WHERE r.name = 'AC/DC') OR genre_id = (SELECT genre_id FROM genre WHERE name = 'Opera')",
            ),
            all("genre_detail:*", "genre_id IS NOT NULL"),
            case("media_type_detail.name = \"mediaTypes/3\"", "media_type_id = 3"),
            // To many rows: there is one.
            case(
                "playlists.title = \"Grunge\"",
                "track_id IN (SELECT track_id FROM playlist_track JOIN playlist USING (playlist_id) WHERE name = 'Grunge')",
            ),
            case("invoice_lines:*", "EXISTS (SELECT FROM invoice_line l WHERE l.track_id = track.track_id)"),
            case(
                "NOT invoice_lines:*",
                "NOT EXISTS (SELECT FROM invoice_line l WHERE l.track_id = track.track_id)",
            ),
            case(
                "invoice_lines.invoice_detail.customer_detail.country = \"Brazil\"",
                "EXISTS (SELECT FROM invoice_line l JOIN invoice USING (invoice_id) JOIN customer c USING (customer_id) \
                 WHERE l.track_id = track.track_id AND c.country = 'Brazil')",
            ),
            case(
                "in(playlists.title, \"Grunge\", \"Classical\")",
                "track_id IN (SELECT track_id FROM playlist_track JOIN playlist USING (playlist_id) WHERE name IN ('Grunge', 'Classical'))",
            ),
        ],
    },
    Group {
        method: "ListAlbums",
        rows: "albums",
        parent: None,
        name: "'albums/' || album_id",
        table: "album",
        key: "album_id",
        order: (
            "artist_detail.title, title desc",
            "(SELECT r.name FROM artist r WHERE r.artist_id = album.artist_id), title DESC, album_id DESC",
        ),
        cases: &[
            case(
                "tracks.composer = \"U2\"",
                "EXISTS (SELECT FROM track t WHERE t.album_id = album.album_id AND t.composer = 'U2')",
            ),
            case(
                "NOT tracks.composer = \"U2\"",
                "NOT EXISTS (SELECT FROM track t WHERE t.album_id = album.album_id AND t.composer = 'U2')",
            ),
            case(
                "tracks.composer != \"U2\"",
                "EXISTS (SELECT FROM track t WHERE t.album_id = album.album_id AND t.composer IS DISTINCT FROM 'U2')",
            ),
            case(
                "NOT tracks.composer:*",
                "NOT EXISTS (SELECT FROM track t WHERE t.album_id = album.album_id AND t.composer IS NOT NULL)",
            ),
            // Two conditions need not hold of the same row.
            case(
                "tracks.length > 600s AND tracks.title = \"A*\"",
                "EXISTS (SELECT FROM track t WHERE t.album_id = album.album_id AND t.milliseconds > 600000) \
                 AND EXISTS (SELECT FROM track t WHERE t.album_id = album.album_id AND t.name LIKE 'A%')",
            ),
            case(
                "tracks.genre:\"genres/2\"",
                "EXISTS (SELECT FROM track t WHERE t.album_id = album.album_id AND t.genre_id = 2)",
            ),
        ],
    },
    Group {
        method: "ListArtists",
        rows: "artists",
        parent: None,
        name: "'artists/' || artist_id",
        table: "artist",
        key: "artist_id",
        order: ("title desc", "name DESC, artist_id DESC"),
        cases: &[
            case("albums:*", "EXISTS (SELECT FROM album a WHERE a.artist_id = artist.artist_id)"),
            case("-albums:*", "NOT EXISTS (SELECT FROM album a WHERE a.artist_id = artist.artist_id)"),
            case(
                "albums.title:\"Rock\"",
                "EXISTS (SELECT FROM album a WHERE a.artist_id = artist.artist_id AND strpos(a.title, 'Rock') > 0)",
            ),
            case(
                "albums.tracks.genre_detail.title = \"Jazz\"",
                "artist_id IN (SELECT artist_id FROM album JOIN track USING (album_id) JOIN genre g USING (genre_id) WHERE g.name = 'Jazz')",
            ),
        ],
    },
    Group {
        method: "ListEmployees",
        rows: "employees",
        parent: None,
        name: "'employees/' || employee_id",
        table: "employee",
        key: "employee_id",
        order: ("manager desc, birth_time", "reports_to DESC, birth_date, employee_id"),
        cases: &[
            case("NOT manager:*", "reports_to IS NULL"),
            case("NOT manager_detail:*", "reports_to IS NULL"),
            case("manager != \"employees/2\"", "reports_to IS DISTINCT FROM 2"),
            case(
                "manager_detail.manager_detail.title = \"General Manager\"",
                "reports_to IN (SELECT employee_id FROM employee WHERE reports_to = 1)",
            ),
            case("NOT manager_detail.family_name = \"Adams\"", "(reports_to = 1) IS NOT TRUE"),
            case(
                "reports.reports:*",
                "employee_id IN (SELECT m.reports_to FROM employee m JOIN employee e ON e.reports_to = m.employee_id)",
            ),
            case(
                "customers.country = \"Brazil\"",
                "employee_id IN (SELECT support_rep_id FROM customer WHERE country = 'Brazil')",
            ),
            case("birth_time < \"1962-02-18T00:00:00Z\"", "birth_date < '1962-02-18'"),
            case("hire_time >= \"2003-05-03T00:00:00+00:00\"", "hire_date >= '2003-05-03'"),
        ],
    },
    Group {
        method: "ListInvoices",
        rows: "invoices",
        parent: None,
        name: "'invoices/' || invoice_id",
        table: "invoice",
        key: "invoice_id",
        order: ("billing_state, total desc", "billing_state, total DESC, invoice_id DESC"),
        cases: &[
            case("invoice_time >= \"2025-06-01T00:00:00Z\"", "invoice_date >= '2025-06-01'"),
            case("invoice_time < \"2021-02-01T00:00:00+02:00\"", "invoice_date < '2021-01-31 22:00'"),
            case("invoice_time = \"2021-01-01T00:00:00Z\"", "invoice_date = '2021-01-01'"),
            case("total > 10 AND billing_country = \"USA\"", "total > 10 AND billing_country = 'USA'"),
            case("total = 1.980", "total = 1.98"),
            none("total = \"NaN\"", "total = 'NaN'"),
            all("total > \"-Infinity\"", "true"),
            case("NOT billing_state:* total < 2", "billing_state IS NULL AND total < 2"),
            case(
                "lines.quantity = 1 AND lines.unit_price > 1",
                "EXISTS (SELECT FROM invoice_line l WHERE l.invoice_id = invoice.invoice_id AND l.unit_price > 1)",
            ),
            case(
                "customer_detail.support_rep_detail.given_name = \"Jane\"",
                "customer_id IN (SELECT customer_id FROM customer JOIN employee e ON e.employee_id = support_rep_id WHERE e.first_name = 'Jane')",
            ),
        ],
    },
    Group {
        method: "ListPlaylistTracks",
        rows: "playlist_tracks",
        parent: Some("playlists/-"),
        name: "'playlists/' || playlist_id || '/tracks/' || track_id",
        table: "playlist_track",
        key: "playlist_id, track_id",
        order: ("track desc", "track_id DESC, playlist_id DESC"),
        cases: &[
            case("name = \"playlists/1/tracks/3402\"", "playlist_id = 1 AND track_id = 3402"),
            case("name != \"playlists/1/tracks/3402\"", "(playlist_id = 1 AND track_id = 3402) IS NOT TRUE"),
            case(
                "in(name, \"playlists/1/tracks/3402\", \"playlists/8/tracks/3402\")",
                "playlist_id IN (1, 8) AND track_id = 3402",
            ),
            case(
                "playlist = \"playlists/17\" AND track_detail.composer:*",
                "playlist_id = 17 AND (SELECT composer FROM track t WHERE t.track_id = playlist_track.track_id) IS NOT NULL",
            ),
        ],
    },
];
