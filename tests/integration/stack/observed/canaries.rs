//! Values, keys, tokens and passwords of everything → nowhere in what is exported or logged.

use serde_json::json;
use tokio_postgres::NoTls;

use super::seen::{DATABASE, Scene};

/// No text of ours has it.
const CANARY: &str = "qzcanaryqz";

const PREPARE: &str = "
    ALTER TABLE album ALTER COLUMN title TYPE text;
    UPDATE album SET title = 'qzcanaryqz-row' WHERE album_id = 1;
    CREATE ROLE qz_reader LOGIN PASSWORD 'qzcanaryqz-password';
    GRANT pg_read_all_data TO qz_reader;
    CREATE FUNCTION public.raises() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''qzcanaryqz-raised''; END'";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the Collector and Prometheus: `make test-stack` installs them"]
async fn nothing_exported_or_logged_has_a_value_a_key_a_token_or_a_password() {
    let url = |primary: &crate::support::Cluster| {
        let (_, place) = primary
            .url(DATABASE)
            .split_once('@')
            .map(|(user, place)| (user.to_owned(), place.to_owned()))
            .expect("a user");
        format!("postgres://qz_reader:{CANARY}-password@{place}")
    };
    let settings = [
        "log.filter=info,rowcall=trace",
        "log.slow=0s",
        "log.explain=1ms",
        "log.calls_per_second=100000",
        "cache.verify_one_in=1",
    ];
    let scene = Scene::start(PREPARE, url, &settings).await;
    let client = &scene.client;
    let canary = |what: &str| format!("{CANARY}-{what}");

    let row = client.call("GetAlbum", json!({"name": "albums/1"})).await.expect("an album");
    assert!(row.json().to_string().contains(CANARY), "the canary is in the row");
    let listed = json!({"filter": format!("title = \"{}\"", canary("row")), "page_size": 1});
    client.call("ListAlbums", listed).await.expect("albums");
    let page = client.call("ListAlbums", json!({"page_size": 1})).await.expect("a page");
    let page_token = page.json()["next_page_token"].as_str().expect("a token").to_owned();
    client
        .call("ListAlbums", json!({"page_size": 1, "page_token": page_token}))
        .await
        .expect("the next page");
    let token = row.said("rowcall-token").map(str::to_owned);

    // What callers get wrong, which errors repeat to them alone.
    for (method, request) in [
        ("GetAlbum", json!({"name": canary("name")})),
        ("GetAlbum", json!({"name": "albums/777777777"})),
        ("GetTrack", json!({"name": "tracks/1", "read_mask": canary("mask")})),
        ("ListAlbums", json!({"filter": format!("title = \"{}\" AND", canary("filter"))})),
        ("ListAlbums", json!({"order_by": canary("order")})),
        ("ListAlbums", json!({"page_token": canary("token")})),
        ("RevenueByCountry", json!({"minimum": canary("argument")})),
    ] {
        let failed = client.call(method, request.clone()).await;
        assert!(failed.is_err(), "{method} {request}");
    }
    for (key, value) in [
        ("rowcall-token", canary("token")),
        ("authorization", canary("bearer")),
        ("traceparent", canary("trace")),
    ] {
        let _ = client.call_with("GetAlbum", json!({"name": "albums/1"}), &[(key, &value)]).await;
    }
    if let Some(token) = &token {
        client
            .call_with("GetAlbum", json!({"name": "albums/2"}), &[("rowcall-token", token)])
            .await
            .expect("an album");
    }
    let mut chunks = client.stream("StreamAlbums", json!({"chunk_size": 10})).await.expect("a stream");
    while chunks.next().await.expect("a chunk").is_some() {}

    // A password that is wrong by now, and a function of somebody's that says a value.
    let (owner, driven) =
        tokio_postgres::connect(&scene.primary.url(DATABASE), NoTls).await.expect("a session");
    tokio::spawn(driven);
    owner
        .batch_execute(
            "CREATE OR REPLACE FUNCTION revenue_by_country(minimum numeric DEFAULT 0)
             RETURNS TABLE (country text, invoice_count bigint, revenue numeric) LANGUAGE plpgsql STABLE
             AS 'BEGIN RAISE EXCEPTION ''qzcanaryqz-raised %'', minimum; END'",
        )
        .await
        .expect("it raises");
    let raised = client.call("RevenueByCountry", json!({})).await.expect_err("it raises");
    assert!(!raised.status.message().contains(CANARY), "{}", raised.status.message());

    // All of it has come when the last call has.
    let last = client.call("GetAlbum", json!({"name": "albums/3"})).await.expect("an album");
    let trace = last.said("traceparent").expect("a trace")[3..35].to_owned();
    tokio::task::block_in_place(|| {
        scene.collector.trace(&trace, 3);
        let count = "sum(grpc_server_call_started_total{grpc_method=~\".*Album.*\"})";
        scene.prometheus.until(count, |calls| calls >= 10.0);
    });
    let (kept, log) = (scene.collector.kept(), scene.served.log());
    assert!(kept.contains("SELECT album") && log.contains("a call failed"), "nothing was told at all");
    for (what, text) in [("what was exported", &kept), ("the log", &log)] {
        let found = text.lines().find(|line| line.contains(CANARY));
        assert!(found.is_none(), "{what}: {}", found.unwrap_or_default());
        for secret in [Some(&page_token), token.as_ref()].into_iter().flatten() {
            assert!(!text.contains(secret.as_str()), "{what} has a token");
        }
        assert!(!text.contains("777777777"), "{what} has a key");
    }
}
