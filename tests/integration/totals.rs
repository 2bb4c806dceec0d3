//! How many rows a list has in all: exact up to a limit, estimated beyond, and carried through pages.

use serde_json::{Value, json};
use tonic::Code;

use crate::support::{CHINOOK_CONTRACT, CHINOOK_PLAIN_CONTRACT, Client, database, serve};

const STORE: &[&str] = &["shared:data/chinook/chinook.sql", "tests/contracts/chinook/functions.sql"];
const TOTAL: &str = "rowcall-total";

/// What an answer says of the total: in its field, and in the metadata.
async fn total(client: &Client, method: &str, request: Value, wanted: Option<&str>) -> (u64, Option<String>) {
    let metadata: Vec<_> = wanted.map(|wanted| (TOTAL, wanted)).into_iter().collect();
    let answer = client.call_with(method, request, &metadata).await.expect("a page");
    let rows = match &answer.json()["total_size"] {
        Value::Null => 0,
        Value::String(text) => text.parse().expect("64 bits are a string"),
        number => number.as_u64().expect("32 bits are a number"),
    };
    (rows, answer.said(TOTAL).map(str::to_owned))
}

fn exact(rows: u64) -> (u64, Option<String>) {
    (rows, Some(format!("{rows}; exact")))
}

#[tokio::test]
async fn a_total_is_exact_up_to_its_limit() {
    let database = database(STORE).await;
    let local = serve(CHINOOK_CONTRACT, &database.url, &[]).await;
    let client = &local.client;
    assert_eq!(total(client, "ListTracks", json!({}), None).await, exact(3503));
    assert_eq!(total(client, "ListTracks", json!({}), Some("estimated")).await, exact(3503));
    assert_eq!(total(client, "ListTracks", json!({ "filter": "composer = \"U2\"" }), None).await, exact(44));
    assert_eq!(total(client, "ListTracks", json!({ "filter": "title = \"nobody\"" }), None).await, exact(0));
    // Rows that are skipped are counted, and relations change no number.
    let request = json!({ "skip": 3500, "read_mask": "playlists.title", "order_by": "album_detail.title" });
    assert_eq!(total(client, "ListTracks", request, None).await, exact(3503));
    // Without a field for it, it is said to who asks.
    let request = json!({ "parent": "playlists/1" });
    assert_eq!(total(client, "ListPlaylistTracks", request.clone(), None).await, (0, None));
    let asked = total(client, "ListPlaylistTracks", request, Some("exact")).await;
    assert_eq!(asked, (0, Some("3290; exact".to_owned())));
    let status =
        client.call_with("ListTracks", json!({}), &[(TOTAL, "roughly")]).await.expect_err("a bad word");
    assert_eq!((status.code, status.reason.as_str()), (Code::InvalidArgument, "FIELD_INVALID"));
}

#[tokio::test]
async fn a_total_beyond_its_limit_is_estimated_unless_asked_for() {
    let database = database(STORE).await;
    // On the limit; the planner learns of what is beyond it.
    let more = "INSERT INTO track (track_id, name, media_type_id, milliseconds, unit_price) \
                SELECT 10000 + n, 'more', 1, n, 1 FROM generate_series";
    database.execute(&format!("{more}(1, 10000 - 3503) n; ANALYZE track")).await;
    let local = serve(CHINOOK_CONTRACT, &database.url, &[]).await;
    let client = &local.client;
    assert_eq!(total(client, "ListTracks", json!({}), None).await, exact(10_000));
    database.execute(&format!("{more}(10001, 30000) n; ANALYZE track")).await;

    let (rows, said) = total(client, "ListTracks", json!({}), None).await;
    assert_eq!(said, Some(format!("{rows}; estimated")));
    assert!((27_000..33_000).contains(&rows), "{rows} of 30000");
    assert_eq!(total(client, "ListTracks", json!({}), Some("estimated")).await, (rows, said));
    assert_eq!(total(client, "ListTracks", json!({}), Some("exact")).await, exact(30_000));
    // What the filter leaves is below the limit.
    assert_eq!(total(client, "ListTracks", json!({ "filter": "album:*" }), None).await, exact(3503));
    // An estimate is not less than what was counted.
    let unlikely =
        json!({ "filter": "title = \"mo*\" AND title = \"*re\" AND title:\"or\" AND length < 1000s" });
    let (rows, said) = total(client, "ListTracks", unlikely, None).await;
    assert!(rows >= 10_000 && said == Some(format!("{rows}; estimated")), "{said:?}");
}

#[tokio::test]
async fn a_total_is_counted_once_and_carried_through_the_pages() {
    let database = database(STORE).await;
    let local = serve(CHINOOK_CONTRACT, &database.url, &[]).await;
    let mut request = json!({ "page_size": 1000 });
    let mut pages = 0;
    loop {
        let answer = local.client.call("ListTracks", request.clone()).await.expect("a page");
        assert_eq!(answer.said(TOTAL), Some("3503; exact"), "page {pages}");
        let mut page = answer.json();
        assert_eq!(page["total_size"], json!(3503), "page {pages}");
        pages += 1;
        if pages == 1 {
            database.execute("DELETE FROM invoice_line; DELETE FROM playlist_track; DELETE FROM track WHERE track_id = 1").await;
        }
        match page.get_mut("next_page_token") {
            None => break,
            Some(next) => request["page_token"] = next.take(),
        }
    }
    assert_eq!(pages, 4);
    assert_eq!(total(&local.client, "ListTracks", json!({}), None).await, exact(3502));
}

#[tokio::test]
async fn the_limit_is_a_setting_and_parents_are_counted_alone() {
    let database = database(STORE).await;
    let local = serve(CHINOOK_PLAIN_CONTRACT, &database.url, &[("pages.total_exact_max", "100")]).await;
    let client = &local.client;
    let of = |playlist: i32| json!({ "playlist_id": playlist });
    assert_eq!(total(client, "ListPlaylistTracks", of(17), None).await, exact(26));
    let (rows, said) = total(client, "ListPlaylistTracks", of(5), None).await;
    assert!(rows > 100 && said == Some(format!("{rows}; estimated")), "{said:?}");
    assert_eq!(total(client, "ListPlaylistTracks", of(5), Some("exact")).await, exact(1477));
    assert_eq!(total(client, "ListPlaylistTracks", json!({}), Some("exact")).await, exact(8715));
}
