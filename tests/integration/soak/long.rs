//! A transaction that stays open on the primary, and tokens of answers that a standby gave meanwhile.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio_postgres::Client;

use super::site::{Site, blocking, contract};
use crate::support;

/// Answers are of the standby or of the primary, as it comes; of so many some are of each.
const READS: i32 = 12;

/// What is waited for takes no longer, on a busy machine either.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_stays_open_holds_up_no_token() {
    let site = blocking(Site::start).await;
    let session = async || site.session().await.expect("it answers");
    let (open, other) = (session().await, session().await);
    open.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.expect("it begins");
    let standby = site.standby_session().await.expect("it answers");
    let client = support::Client::connect(contract(), site.instances[0].address).await;
    for id in 1..=READS {
        // What the standby says is in progress, or may be, reaches from the open one to this.
        let write = format!("UPDATE bulk SET version = version + 1 WHERE id = {id}");
        other.batch_execute(&write).await.expect("written");
        replayed(&standby, id).await;
        let token = token(&client, id).await;
        let metadata = [("rowcall-token", token.as_str()), ("grpc-timeout", "20S")];
        let later = client.call_with("GetItem", json!({"id": id}), &metadata).await;
        assert!(later.is_ok(), "read {id}: {later:?}");
    }
}

/// Of an answer. There is none while the feed is not heard.
async fn token(client: &support::Client, id: i32) -> String {
    let late = Instant::now() + LONG;
    loop {
        let answer = client.call("GetPlain", json!({"id": id})).await.expect("it is there");
        if let Some(token) = answer.said("rowcall-token") {
            return token.to_owned();
        }
        assert!(Instant::now() < late, "no answer has a token");
    }
}

async fn replayed(standby: &Client, id: i32) {
    let sql = "SELECT version > 100 FROM bulk WHERE id = $1";
    let late = Instant::now() + LONG;
    while !standby.query_one(sql, &[&id]).await.expect("it reads").get::<_, bool>(0) {
        assert!(Instant::now() < late, "the standby does not follow");
    }
}
