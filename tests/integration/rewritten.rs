//! Tables that DDL writes anew while calls wait for them: every answer is whole.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Value, json};

use crate::errors_shop::{CONTRACT, TABLES, written};
use crate::support::session::until;
use crate::support::{
    CHINOOK_CONTRACT, Client, Database, EMPTY, Failure, Local, Pooler, database, json as to_json, serve,
};

const STORE: &[&str] = &["shared:data/chinook/chinook.sql", "tests/contracts/chinook/functions.sql"];

/// A column that no contract names, so that the plans stay right.
const SPARE: &str = "ALTER TABLE track ADD spare int DEFAULT 1; ALTER TABLE album ADD spare int DEFAULT 1;
    ALTER TABLE playlist_track ADD spare int DEFAULT 1; ALTER TABLE invoice ADD spare int DEFAULT 1";

/// All at once, each on a connection of its own.
const CONNECTIONS: (&str, &str) = ("postgres.connections_max", "20");

type Asked = (&'static str, Value);

/// What reads tracks and albums, in a snapshot or in one statement.
fn of_tracks() -> Vec<Asked> {
    vec![
        ("GetAlbum", json!({"name": "albums/1", "read_mask": "title,tracks.name,tracks.playlists.title"})),
        ("BatchGetAlbums", json!({"names": ["albums/1", "albums/9"], "read_mask": "title,tracks.title"})),
        ("ListAlbums", json!({"page_size": 40, "read_mask": "title,tracks.title,artist_detail.title"})),
        ("ListTracks", json!({"page_size": 30, "read_mask": "title,album_detail.title"})),
        (
            "ListTracks",
            json!({"page_size": 30, "order_by": "album_detail.title desc", "filter": "title != \"x\""}),
        ),
        ("ListTracks", json!({"page_size": 3, "filter": "album_detail.title != \"x\""})),
        ("StreamTracks", json!({"read_mask": "title,album_detail.artist_detail.title"})),
        ("ListArtists", json!({"filter": "albums.tracks.title:\"o\"", "read_mask": "title"})),
    ]
}

fn all_of(
    client: &Client,
    (method, request): Asked,
) -> Pin<Box<dyn Future<Output = Result<Vec<Value>, Failure>> + Send>> {
    let client = client.clone();
    Box::pin(async move {
        if !method.starts_with("Stream") {
            // Every list counts.
            let metadata = [("rowcall-total", "exact")];
            let metadata = if method.starts_with("List") { &metadata[..] } else { &[] };
            return Ok(vec![client.call_with(method, request, metadata).await?.json()]);
        }
        let mut chunks = client.stream(method, request).await?;
        let mut rows = Vec::new();
        while let Some(chunk) = chunks.next().await? {
            let chunk = to_json(&chunk);
            rows.extend(chunk["tracks"].as_array().expect("tracks").iter().cloned());
        }
        Ok(rows)
    })
}

/// Calls wait for DDL and go on behind it; they answer what they answered before.
async fn whole(database: &Database, local: &Local, ddl: &str, asked: Vec<Asked>) {
    let mut before = Vec::new();
    // Twice, and prepared.
    for call in asked.iter().chain(&asked) {
        before.push(all_of(&local.client, call.clone()).await.expect("an answer"));
    }
    let holder = database.client().await;
    holder.batch_execute(&format!("BEGIN; {ddl}")).await.expect("the test's own SQL");
    let calls = asked.iter().map(|call| tokio::spawn(all_of(&local.client, call.clone())));
    let calls: Vec<_> = calls.collect();
    let waiting = format!(
        "SELECT count(*) = {} FROM pg_stat_activity WHERE datname = current_database()
         AND application_name <> '' AND wait_event_type = 'Lock' AND state = 'active'",
        asked.len()
    );
    until(database, &waiting).await;
    holder.batch_execute("COMMIT").await.expect("the test's own SQL");
    for ((call, call_name), expected) in calls.into_iter().zip(&asked).zip(before) {
        let answer = call.await.expect("a call does not panic");
        let answer = answer.unwrap_or_else(|failure| panic!("{call_name:?} while {ddl}: {failure:?}"));
        assert!(answer == expected, "{call_name:?} while {ddl}: {answer:?}\nbefore: {expected:?}");
    }
}

async fn store(url: impl FnOnce(&Database) -> String) -> (Database, Local) {
    let database = database(STORE).await;
    database.execute(SPARE).await;
    let local = serve(CHINOOK_CONTRACT, &url(&database), &[CONNECTIONS]).await;
    (database, local)
}

fn retype(table: &str, to: &str) -> String {
    format!("ALTER TABLE {table} ALTER spare TYPE {to}")
}

const REFILL: &str = "CREATE TEMP TABLE kept ON COMMIT DROP AS TABLE playlist_track; TRUNCATE playlist_track;
    INSERT INTO playlist_track TABLE kept";

fn of_playlists() -> Vec<Asked> {
    vec![
        ("GetPlaylist", json!({"name": "playlists/3", "read_mask": "title,tracks.title"})),
        ("ListPlaylists", json!({"read_mask": "title,tracks.title"})),
        ("ListPlaylistTracks", json!({"parent": "playlists/1"})),
        (
            "StreamTracks",
            json!({"filter": "playlists.title = \"Grunge\"", "read_mask": "title,playlists.title"}),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_written_anew_are_read_whole() {
    let (database, local) = store(|database| database.url.clone()).await;
    for table in ["track", "album"] {
        whole(&database, &local, &retype(table, "bigint"), of_tracks()).await;
        whole(&database, &local, &retype(table, "int"), of_tracks()).await;
    }
    whole(&database, &local, &retype("playlist_track", "bigint"), of_playlists()).await;
    whole(&database, &local, REFILL, of_playlists()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_statement_reads_a_table_written_anew_whole() {
    let (database, local) = store(|database| database.url.clone()).await;
    let asked = vec![
        ("GetTrack", json!({"name": "tracks/1"})),
        ("GetTrack", json!({"name": "tracks/2", "read_mask": "title"})),
        ("BatchGetTracks", json!({"names": ["tracks/3", "tracks/1"]})),
        ("StreamTracks", json!({"chunk_size": 40, "order_by": "album_detail.title"})),
    ];
    whole(&database, &local, &retype("track", "bigint"), asked.clone()).await;
    whole(&database, &local, &retype("track", "int"), asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_changes_nothing_about_it() {
    let pooler = Pooler::start(20);
    let (database, local) = store(|database| pooler.url(database)).await;
    whole(&database, &local, &retype("track", "bigint"), of_tracks()).await;
    whole(&database, &local, REFILL, of_playlists()).await;
}

/// A role that owns nothing, and what it may do.
async fn role(database: &Database, may: &str) -> String {
    let role = format!("role_{}", database.name);
    database.execute(&format!("CREATE ROLE {role} LOGIN; {}", may.replace("ROLE", &role))).await;
    database.url.replace("//postgres@", &format!("//{role}@"))
}

/// LOCK TABLE is refused there.
#[tokio::test(flavor = "multi_thread")]
async fn columns_of_tables_written_anew_are_read_whole() {
    let database = database(STORE).await;
    let columns = "DO $$ DECLARE t record; BEGIN
        FOR t IN SELECT attrelid::regclass AS name, string_agg(quote_ident(attname), ', ') AS columns
            FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
            WHERE attnum > 0 AND relkind = 'r' AND relnamespace = 'public'::regnamespace GROUP BY attrelid
        LOOP EXECUTE format('GRANT SELECT (%s) ON %s TO ROLE', t.columns, t.name); END LOOP; END $$;";
    let url = role(&database, columns).await;
    database.execute(SPARE).await;
    let local = serve(CHINOOK_CONTRACT, &url, &[CONNECTIONS]).await;
    whole(&database, &local, &retype("track", "bigint"), of_tracks()).await;
    whole(&database, &local, &retype("album", "bigint"), of_tracks()).await;
    whole(&database, &local, REFILL, of_playlists()).await;
    // All was granted when the plans were made.
    let all = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO ROLE"
        .replace("ROLE", &format!("role_{}", database.name));
    database.execute(&all).await;
    let local = serve(CHINOOK_CONTRACT, &url, &[CONNECTIONS]).await;
    database.execute(&all.replace("GRANT", "REVOKE").replace(" TO ", " FROM ")).await;
    database.execute(&columns.replace("ROLE", &format!("role_{}", database.name))).await;
    whole(&database, &local, &retype("track", "int"), of_tracks()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_policies_read_is_read_whole() {
    let database = database(STORE).await;
    let policy = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO ROLE; ALTER TABLE album ENABLE ROW LEVEL SECURITY;
        CREATE TABLE allowed (artist_id int PRIMARY KEY, spare int DEFAULT 1);
        INSERT INTO allowed SELECT artist_id FROM artist; GRANT SELECT ON allowed TO ROLE;
        CREATE POLICY p ON album USING (EXISTS (SELECT FROM allowed WHERE allowed.artist_id = album.artist_id))";
    let url = role(&database, policy).await;
    let local = serve(CHINOOK_CONTRACT, &url, &[CONNECTIONS]).await;
    whole(&database, &local, &retype("allowed", "bigint"), of_tracks()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_and_what_is_behind_a_view_are_read_whole() {
    let database = database(EMPTY).await;
    database.execute(TABLES).await;
    let views = "ALTER TABLE thing RENAME TO base; CREATE VIEW thing AS SELECT * FROM base;
        ALTER TABLE base ADD spare int; ALTER TABLE part RENAME TO old;
        CREATE TABLE part (thing_id int, number int, title text, spare int, PRIMARY KEY (thing_id, number))
            PARTITION BY RANGE (thing_id);
        CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (2);
        CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (2) TO (9);
        INSERT INTO part SELECT * FROM old; CREATE TABLE kept AS TABLE part_low";
    database.execute(views).await;
    let keyed = CONTRACT
        .replace("filter_fields: \"title\" filter", "key: \"thing_id\" filter_fields: \"title\" filter")
        .replace("  Maker maker = 5;\n", "");
    let contract = written(&keyed);
    let path = contract.path().to_str().expect("UTF-8");
    let local = serve(path, &database.url, &[CONNECTIONS]).await;
    let things =
        vec![("ListThings", json!({"order_by": "title desc"})), ("GetThing", json!({"name": "things/7"}))];
    whole(&database, &local, &retype("base", "bigint"), things.clone()).await;
    let turned = "DROP VIEW thing; CREATE VIEW thing AS SELECT thing_id, title, sold_at, picture FROM base";
    whole(&database, &local, turned, things).await;
    let parts =
        vec![("ListParts", json!({"parent": "things/1"})), ("ListParts", json!({"parent": "things/-"}))];
    whole(&database, &local, &retype("part", "bigint"), parts.clone()).await;
    whole(&database, &local, "TRUNCATE part_low; INSERT INTO part_low TABLE kept", parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_functions_read_is_read_whole() {
    let database = database(STORE).await;
    let question =
        "SELECT billing_country::text, count(*), sum(total) FROM invoice GROUP BY 1 ORDER BY 3 DESC, 1";
    let of = |language: &str, body: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION revenue_by_country(minimum numeric DEFAULT 0) RETURNS TABLE
            (country text, invoice_count bigint, revenue numeric) LANGUAGE {language} AS $f$ {body} $f$"
        )
    };
    database.execute(SPARE).await;
    let asked = || vec![("RevenueByCountry", json!({}))];
    for (function, to) in [
        (of("sql STABLE", question), "bigint"),
        (of("sql VOLATILE", question), "int"),
        (of("plpgsql STABLE", &format!("BEGIN RETURN QUERY {question}; END")), "bigint"),
        (of("plpgsql VOLATILE", &format!("BEGIN RETURN QUERY {question}; END")), "int"),
    ] {
        database.execute(&function).await;
        let local = serve(CHINOOK_CONTRACT, &database.url, &[CONNECTIONS]).await;
        whole(&database, &local, &retype("invoice", to), asked()).await;
    }
}
