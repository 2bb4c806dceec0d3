//! Relations beside SQL's own joins: to one row, to many, through a table, to oneself, in levels;
//! what they cost; and that nothing is read which nobody asked for.

use serde_json::{Value, json};
use tokio_postgres::SimpleQueryMessage;
use tonic::Code;

use crate::support::{CHINOOK_CONTRACT, Client, Database, Tap, database, json as to_json, serve};

const STORE: &[&str] = &["shared:data/chinook/chinook.sql", "tests/contracts/chinook/functions.sql"];

/// The resource's plural, the rows' field, the mask, the relations that leave rows out, and every row
/// as SQL writes it.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    (
        "Tracks",
        "tracks",
        "name,album_detail.title,album_detail.artist",
        "",
        "SELECT jsonb_build_object('name', 'tracks/' || track_id, 'album_detail', \
           (SELECT jsonb_build_object('title', title, 'artist', 'artists/' || artist_id) FROM album a \
            WHERE a.album_id = track.album_id)) \
         FROM track ORDER BY track_id",
    ),
    (
        "Employees",
        "employees",
        "name,manager_detail.manager_detail.given_name,reports.name,reports.reports.name",
        "",
        "SELECT jsonb_build_object('name', 'employees/' || employee_id, \
           'manager_detail', (SELECT jsonb_build_object('manager_detail', \
             (SELECT jsonb_build_object('given_name', first_name) FROM employee b \
              WHERE b.employee_id = m.reports_to)) FROM employee m WHERE m.employee_id = e.reports_to), \
           'reports', (SELECT jsonb_agg(jsonb_build_object('name', 'employees/' || employee_id, \
             'reports', (SELECT jsonb_agg(jsonb_build_object('name', 'employees/' || employee_id) \
                         ORDER BY employee_id) FROM employee s WHERE s.reports_to = r.employee_id)) \
             ORDER BY employee_id) FROM employee r WHERE r.reports_to = e.employee_id)) \
         FROM employee e ORDER BY employee_id",
    ),
    (
        "Albums",
        "albums",
        "title,tracks.name,tracks.composer",
        "",
        "SELECT jsonb_build_object('title', title, 'tracks', (SELECT jsonb_agg(jsonb_build_object(\
           'name', 'tracks/' || track_id, 'composer', composer) ORDER BY track_id) \
           FROM track t WHERE t.album_id = album.album_id)) \
         FROM album ORDER BY album_id",
    ),
    (
        "Artists",
        "artists",
        "name,albums.title",
        "",
        "SELECT jsonb_build_object('name', 'artists/' || artist_id, 'albums', (SELECT jsonb_agg(\
           jsonb_build_object('title', title) ORDER BY title, album_id) \
           FROM album a WHERE a.artist_id = artist.artist_id)) \
         FROM artist ORDER BY artist_id",
    ),
    (
        "Customers",
        "customers",
        "name,invoices.name,support_rep_detail.family_name",
        "",
        "SELECT jsonb_build_object('name', 'customers/' || customer_id, 'invoices', (SELECT jsonb_agg(\
           jsonb_build_object('name', 'invoices/' || invoice_id) ORDER BY invoice_date DESC, invoice_id DESC) \
           FROM invoice i WHERE i.customer_id = c.customer_id), 'support_rep_detail', \
           (SELECT jsonb_build_object('family_name', last_name) FROM employee \
            WHERE employee_id = support_rep_id)) \
         FROM customer c ORDER BY customer_id",
    ),
    // Limits: 5, 10, and 100 where the contract says nothing.
    (
        "MediaTypes",
        "media_types",
        "name,tracks.name",
        "tracks",
        "SELECT jsonb_build_object('name', 'mediaTypes/' || media_type_id, 'tracks', (SELECT jsonb_agg(\
           jsonb_build_object('name', 'tracks/' || track_id) ORDER BY track_id) FROM (SELECT track_id FROM track t \
           WHERE t.media_type_id = m.media_type_id ORDER BY track_id LIMIT 5) s)) \
         FROM media_type m ORDER BY media_type_id",
    ),
    (
        "Employees",
        "employees",
        "name,customers.name,reports.customers.email",
        "customers, reports.customers",
        "SELECT jsonb_build_object('name', 'employees/' || employee_id, 'customers', (SELECT jsonb_agg(\
           jsonb_build_object('name', 'customers/' || customer_id) ORDER BY customer_id) FROM (SELECT * \
           FROM customer WHERE support_rep_id = e.employee_id ORDER BY customer_id LIMIT 10) s), \
           'reports', (SELECT jsonb_agg(jsonb_build_object('customers', (SELECT jsonb_agg(\
             jsonb_build_object('email', email) ORDER BY customer_id) FROM (SELECT * FROM customer \
             WHERE support_rep_id = r.employee_id ORDER BY customer_id LIMIT 10) s)) ORDER BY employee_id) \
             FROM employee r WHERE r.reports_to = e.employee_id)) \
         FROM employee e ORDER BY employee_id",
    ),
    (
        "Playlists",
        "playlists",
        "title,tracks.title,tracks.genre_detail.title",
        "tracks",
        "SELECT jsonb_build_object('title', name, 'tracks', (SELECT jsonb_agg(jsonb_build_object(\
           'title', s.name, 'genre_detail', jsonb_build_object('title', g.name)) ORDER BY s.name, s.track_id) \
           FROM (SELECT t.* FROM track t JOIN playlist_track USING (track_id) \
             WHERE playlist_id = p.playlist_id ORDER BY t.name, t.track_id LIMIT 100) s \
           JOIN genre g USING (genre_id))) \
         FROM playlist p ORDER BY playlist_id",
    ),
    // Three levels.
    (
        "Artists",
        "artists",
        "name,albums.tracks.playlists.title,albums.name",
        "",
        "SELECT jsonb_build_object('name', 'artists/' || artist_id, 'albums', (SELECT jsonb_agg(\
           jsonb_build_object('name', 'albums/' || album_id, 'tracks', (SELECT jsonb_agg(jsonb_build_object(\
             'playlists', (SELECT jsonb_agg(jsonb_build_object('title', p.name) ORDER BY playlist_id) \
               FROM playlist p JOIN playlist_track pt USING (playlist_id) WHERE pt.track_id = t.track_id)) \
             ORDER BY track_id) FROM track t WHERE t.album_id = a.album_id)) \
           ORDER BY title, album_id) FROM album a WHERE a.artist_id = artist.artist_id)) \
         FROM artist ORDER BY artist_id",
    ),
    // A relation alone is its fields that are no relations.
    (
        "Albums",
        "albums",
        "artist_detail",
        "",
        "SELECT jsonb_build_object('artist_detail', (SELECT jsonb_build_object('name', 'artists/' || artist_id, \
           'title', name) FROM artist r WHERE r.artist_id = album.artist_id)) \
         FROM album ORDER BY album_id",
    ),
];

#[tokio::test]
async fn relations_hold_what_joins_hold() {
    let database = database(STORE).await;
    let local = serve(CHINOOK_CONTRACT, &database.url, &[]).await;
    for &(many, rows, mask, truncated, sql) in CASES {
        let expected = selected(&database, sql).await;
        for size in [1000, 40] {
            let (said, left_out) = listed(&local.client, many, rows, mask, size).await;
            for (at, (said, expected)) in said.iter().zip(&expected).enumerate() {
                assert_eq!(said, expected, "{many} {mask}: row {at}");
            }
            assert_eq!(said.len(), expected.len(), "{many} {mask}");
            if size == 1000 {
                assert_eq!(left_out, truncated, "{many} {mask}");
            }
        }
        let (streamed, left_out) = streamed(&local.client, many, rows, mask).await;
        assert_eq!((streamed, left_out.as_str()), (expected, truncated), "{many} {mask}, as a stream");
    }
}

#[tokio::test]
async fn a_get_and_a_batch_bring_relations_too() {
    let database = database(STORE).await;
    let local = serve(CHINOOK_CONTRACT, &database.url, &[]).await;
    let mask = "lines.track_detail.album_detail.artist_detail.title";
    let answer = local.client.call("GetInvoice", json!({ "name": "invoices/1", "read_mask": mask })).await;
    let line = |artist: &str| json!({ "track_detail": { "album_detail": { "artist_detail": { "title": artist } } } });
    assert_eq!(answer.expect("an invoice").json(), json!({ "lines": [line("Accept"), line("Accept")] }));

    // One genre has more tracks than fit, the other has not.
    let batch = |names: &[&str]| json!({ "names": names, "read_mask": "name,tracks.name" });
    let full = local.client.call("BatchGetGenres", batch(&["genres/25", "genres/1", "genres/25"])).await;
    let full = full.expect("genres");
    assert_eq!(full.said("rowcall-truncated"), Some("tracks"));
    let sizes: Vec<usize> = full.json()["genres"]
        .as_array()
        .expect("genres")
        .iter()
        .map(|genre| genre["tracks"].as_array().expect("tracks").len())
        .collect();
    assert_eq!(sizes, [1, 100, 1]);
    let few = local.client.call("BatchGetGenres", batch(&["genres/25"])).await.expect("a genre");
    assert_eq!(few.said("rowcall-truncated"), None);
}

#[tokio::test]
async fn rows_cost_no_statements() {
    let database = database(STORE).await;
    let tap = Tap::start().await;
    // A connection that idles is tried before it is used, and one that is kept is set up, which are
    // statements too.
    let alone = [("postgres.check_after", "1h"), ("postgres.connections_kept", "0")];
    let local = serve(CHINOOK_CONTRACT, &tap.url(&database), &alone).await;
    let counts = [
        // The rows, and one more for every relation and level.
        ("ListArtists", "name", 1),
        ("ListArtists", "albums", 2),
        ("ListArtists", "albums.tracks", 3),
        ("ListArtists", "albums.tracks.playlists.title,albums.tracks.genre_detail,albums.artist_detail", 6),
        ("ListEmployees", "manager_detail.manager_detail.name,reports.customers.invoices.lines.name", 7),
        ("ListCustomers", "support_rep_detail,invoices", 3),
    ];
    for (method, mask, statements) in counts {
        for size in [10, 200] {
            let request = json!({ "page_size": size, "read_mask": mask });
            tap.taken();
            local.client.call(method, request).await.expect("a page");
            assert_eq!(tap.taken(), statements, "{method} {mask} by {size}");
        }
    }
    let names: Vec<String> = (1..=200).map(|album| format!("albums/{album}")).collect();
    let request = json!({ "names": names, "read_mask": "name,artist_detail,tracks.name" });
    tap.taken();
    local.client.call("BatchGetAlbums", request).await.expect("albums");
    assert_eq!(tap.taken(), 3);
}

#[tokio::test]
async fn a_relation_of_no_rows_leaves_its_connection_as_it_was() {
    let database = database(STORE).await;
    let settings = [("postgres.connections_max", "1"), ("postgres.connections_kept", "1")];
    let local = serve(CHINOOK_CONTRACT, &database.url, &settings).await;
    for _ in 0..3 {
        let none = json!({ "filter": "title = \"nobody\"", "read_mask": "albums.tracks.name" });
        assert_eq!(local.client.call("ListArtists", none).await.expect("no rows").json(), json!({}));
        let some = json!({ "name": "artists/25", "read_mask": "name,albums.tracks.name" });
        let some = local.client.call("GetArtist", some).await.expect("an artist without albums");
        assert_eq!(some.json(), json!({ "name": "artists/25" }));
    }
    let open = "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL \
                AND pid <> pg_backend_pid()";
    crate::support::session::until(&database, open).await;
}

#[tokio::test]
async fn what_is_not_asked_for_is_not_read() {
    let database = database(STORE).await;
    let role = format!("reader_of_{}", database.name);
    database
        .execute(&format!("CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"))
        .await;
    let url = database.url.replace("postgres@", &format!("{role}@"));
    let local = serve(CHINOOK_CONTRACT, &url, &[]).await;
    // Behind the back of the plans: what a statement names, it may read or it fails.
    database
        .execute(&format!(
            "REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM {role}; GRANT SELECT ON genre TO {role}; \
             GRANT SELECT (track_id, name, genre_id) ON track TO {role}"
        ))
        .await;
    let call = |mask: &'static str| {
        let request = json!({ "name": "tracks/1", "read_mask": mask });
        let client = local.client.clone();
        async move { client.call("GetTrack", request).await }
    };
    let title = "For Those About To Rock (We Salute You)";
    assert_eq!(call("title").await.expect("it may be read").json(), json!({ "title": title }));
    assert_eq!(
        call("genre_detail.title").await.expect("it may be read").json(),
        json!({ "genre_detail": { "title": "Rock" } })
    );
    for mask in ["title,composer", "album", "album_detail.title", "playlists.title", "*", ""] {
        let failure = call(mask).await.expect_err(mask);
        assert_eq!(
            (failure.code, failure.reason.as_str()),
            (Code::PermissionDenied, "ACCESS_DENIED"),
            "{mask}"
        );
    }
    let page = json!({ "page_size": 2, "order_by": "title", "read_mask": "name" });
    let page = local.client.call("ListTracks", page).await.expect("order and key may be read").json();
    assert_eq!(page["tracks"], json!([{ "name": "tracks/3027" }, { "name": "tracks/2918" }]));
    let page = json!({ "filter": "composer = \"U2\"", "read_mask": "name" });
    assert_eq!(
        local.client.call("ListTracks", page).await.expect_err("a filter reads").code,
        Code::PermissionDenied
    );
}

/// All pages' rows, and what the last page with any said of those that were left out.
async fn listed(client: &Client, many: &str, rows: &str, mask: &str, size: usize) -> (Vec<Value>, String) {
    let (mut all, mut left_out) = (Vec::new(), String::new());
    let mut token = Value::String(String::new());
    loop {
        let request = json!({ "page_size": size, "page_token": token, "read_mask": mask });
        let answer = client.call(&format!("List{many}"), request).await.expect("a page");
        left_out = answer.said("rowcall-truncated").map_or(left_out, str::to_owned);
        let mut page = answer.json();
        all.extend(page[rows].take().as_array().into_iter().flatten().cloned());
        match page.get_mut("next_page_token") {
            None => return (all, left_out),
            Some(next) => token = next.take(),
        }
    }
}

async fn streamed(client: &Client, many: &str, rows: &str, mask: &str) -> (Vec<Value>, String) {
    let request = json!({ "chunk_size": 300, "read_mask": mask });
    let mut stream = client.stream(&format!("Stream{many}"), request).await.expect("a stream");
    let mut all = Vec::new();
    while let Some(chunk) = stream.next().await.expect("a chunk") {
        all.extend(to_json(&chunk)[rows].as_array().into_iter().flatten().cloned());
    }
    let trailers = stream.trailers().await;
    let said = trailers.get("rowcall-truncated").map(|said| said.to_str().expect("ASCII").to_owned());
    (all, said.unwrap_or_default())
}

/// Objects as SQL builds them, absent where NULL.
async fn selected(database: &Database, sql: &str) -> Vec<Value> {
    let sql = format!("SELECT jsonb_strip_nulls(row.value) FROM ({sql}) row (value)");
    let client = database.client().await;
    let answers = client.simple_query(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let rows = answers.iter().filter_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    rows.map(|row| serde_json::from_str(row).expect("Postgres writes JSON")).collect()
}
