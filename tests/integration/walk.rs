//! Every row of every table, by every way to read it, beside what Postgres says through SQL text.
use serde_json::json;

use crate::support::{CHINOOK_CONTRACT, database, serve};

const STORE: &[&str] = &["shared:data/chinook/chinook.sql", "tests/contracts/chinook/functions.sql"];

#[tokio::test]
async fn smoke() {
    let database = database(STORE).await;
    let local = serve(CHINOOK_CONTRACT, &database.url, &[]).await;
    let answer = local.client.call("ListTracks", json!({"page_size": 2})).await.unwrap();
    println!("{:?} {:#}", answer.metadata, answer.json());
    let f = local.client.call("ListTracks", json!({"filter": "titel = 1"})).await.unwrap_err();
    println!("{f:?}");
    let mut s = local.client.stream("StreamTracks", json!({"chunk_size": 1000})).await.unwrap();
    let mut n = 0;
    while let Some(m) = s.next().await.unwrap() {
        n += m.get_field_by_name("tracks").unwrap().as_list().unwrap().len();
    }
    println!("{n} {:?}", s.trailers().await);
    local.serving.stop().await.unwrap();
}
