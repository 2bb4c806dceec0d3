//! Identical calls at the same time share one reading, and nobody fails because another left.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::timeout;

use super::stock::{LONG, Stock, from, plain};

/// Waits until so many sessions wait for a lock.
async fn waiting(stock: &Stock, sessions: i64) {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rowcall' AND wait_event_type = 'Lock' AND datname = current_database()";
    let seen =
        async { while stock.sql.query_one(count, &[]).await.expect("SQL").get::<_, i64>(0) < sessions {} };
    timeout(LONG, seen).await.expect("they wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_the_same_shares_what_the_first_reads() {
    let stock = Stock::open(&[]).await;
    let holder = plain(&stock.url).await;
    holder.batch_execute("BEGIN; LOCK TABLE item IN ACCESS EXCLUSIVE MODE").await.expect("locked");
    let request = json!({"page_size": 3, "order_by": "title desc"});
    let first = {
        let (client, request) = (stock.client().clone(), request.clone());
        tokio::spawn(async move { client.call("ListItems", request).await })
    };
    waiting(&stock, 1).await;
    let others: Vec<_> = (0..20)
        .map(|_| {
            let (client, request) = (stock.client().clone(), request.clone());
            tokio::spawn(async move { client.call("ListItems", request).await })
        })
        .collect();
    // They are behind the first by now, or will be: a second statement would wait for the lock too.
    tokio::task::yield_now().await;
    let left = {
        let (client, request) = (stock.client().clone(), request.clone());
        tokio::spawn(async move { client.call_with("ListItems", request, &[("grpc-timeout", "50m")]).await })
    };
    assert_eq!(left.await.expect("no panic").expect_err("it leaves").reason, "DEADLINE_PASSED");
    waiting(&stock, 1).await;
    let statements = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rowcall' AND wait_event_type = 'Lock' AND datname = current_database()";
    assert_eq!(stock.sql.query_one(statements, &[]).await.expect("SQL").get::<_, i64>(0), 1);
    holder.batch_execute("COMMIT").await.expect("released");
    let first = first.await.expect("no panic").expect("it answers");
    let answers = join_all(others).await;
    for answer in answers {
        let answer = answer.expect("no panic").expect("it answers");
        assert_eq!(answer.json(), first.json());
        assert_ne!(from(&answer), "miss", "one of them has read it for all");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_first_leaves_the_others_are_answered() {
    let stock = Stock::open(&[]).await;
    let holder = plain(&stock.url).await;
    holder.batch_execute("BEGIN; LOCK TABLE item IN ACCESS EXCLUSIVE MODE").await.expect("locked");
    let request = json!({"page_size": 4, "order_by": "title desc"});
    let first = {
        let (client, request) = (stock.client().clone(), request.clone());
        tokio::spawn(async move { client.call("ListItems", request).await })
    };
    waiting(&stock, 1).await;
    let second = {
        let (client, request) = (stock.client().clone(), request.clone());
        tokio::spawn(async move { client.call("ListItems", request).await })
    };
    tokio::time::timeout(Duration::from_millis(200), std::future::pending::<()>())
        .await
        .expect_err("a moment");
    first.abort();
    waiting(&stock, 1).await;
    holder.batch_execute("COMMIT").await.expect("released");
    let answer = second.await.expect("no panic").expect("it answers though the first has left");
    assert_eq!(answer.json()["items"].as_array().map(Vec::len), Some(4));
}
