//! Identical calls at the same time share one reading, and nobody fails because another left.

use futures_util::future::join_all;
use rowcall::cache::{Token, Xid};
use serde_json::json;
use tokio::task::JoinHandle;

use super::stock::{PATIENT, Stock, epoch, from, plain, token};
use crate::support::{Answer, Failure};

async fn release(holder: tokio_postgres::Client) {
    holder.batch_execute("COMMIT").await.expect("released");
}

async fn answer(asked: JoinHandle<Result<Answer, Failure>>) -> Result<Answer, Failure> {
    asked.await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_the_same_shares_what_the_first_reads() {
    let stock = Stock::open(PATIENT).await;
    let holder = stock.hold().await;
    let request = json!({"page_size": 3, "order_by": "title desc"});
    let first = stock.ask("ListItems", request.clone(), &[]);
    stock.held_up(1).await;
    let others: Vec<_> = (0..20).map(|_| stock.ask("ListItems", request.clone(), &[])).collect();
    stock.arrived().await;
    let left = stock.ask("ListItems", request, &[("grpc-timeout", "50m")]);
    assert_eq!(answer(left).await.expect_err("it leaves").reason, "DEADLINE_PASSED");
    // A second statement would wait for the lock too.
    stock.held_up(1).await;
    release(holder).await;
    let first = answer(first).await.expect("it answers");
    for other in join_all(others).await {
        let other = other.expect("no panic").expect("it answers");
        assert_eq!(other.json(), first.json());
        assert_ne!(from(&other), "miss", "one of them has read it for all");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_first_leaves_one_reads_and_the_others_share() {
    let stock = Stock::open(PATIENT).await;
    let holder = stock.hold().await;
    let request = json!({"page_size": 4, "order_by": "title desc"});
    let first = stock.ask("ListItems", request.clone(), &[]);
    let begun = stock.held_up_after(&[], 1).await;
    let others: Vec<_> = (0..9).map(|_| stock.ask("ListItems", request.clone(), &[])).collect();
    stock.arrived().await;
    first.abort();
    let begun = stock.held_up_after(&begun, 1).await;
    // Of those who are left one leads, whichever; its statement is ended from elsewhere.
    let cancel = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE application_name = 'rowcall' \
                  AND wait_event_type = 'Lock' AND datname = current_database()";
    let cancelled = stock.sql.query_one(cancel, &[]).await.expect("SQL");
    assert_eq!(cancelled.get::<_, i64>(0), 1, "one of them reads for all");
    stock.held_up_after(&begun, 1).await;
    release(holder).await;
    let (mut failed, mut answered) = (Vec::new(), Vec::new());
    for other in join_all(others).await {
        match other.expect("no panic") {
            Ok(got) => answered.push(got),
            Err(failure) => failed.push(failure.reason),
        }
    }
    assert_eq!(failed.len(), 1, "only who read: {failed:?}");
    for got in &answered {
        assert_eq!(got.json()["items"].as_array().map(Vec::len), Some(4));
    }
    let read = answered.iter().filter(|got| from(got) == "miss").count();
    assert_eq!(read, 1, "the others share what one has read");
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_the_same_rows_in_different_messages_do_not_meet() {
    let stock = Stock::open(PATIENT).await;
    let holder = stock.hold().await;
    let names = json!({"names": ["items/2", "items/3"]});
    let one = stock.ask("BatchGetItems", names.clone(), &[]);
    stock.held_up(1).await;
    let other = stock.ask("BatchGetItemsElsewhere", names, &[]);
    stock.held_up(2).await;
    release(holder).await;
    let [one, other] = [one, other].map(answer);
    assert_eq!(one.await.expect("it answers").json()["items"][1]["title"], "item 3");
    assert_eq!(other.await.expect("it answers").json()["elsewhere"][1]["title"], "item 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_token_holds_up_nobody_without_one() {
    let stock = Stock::open(PATIENT).await;
    let own = token(&stock.get("items/1", &[]).await.expect("it is there"));
    // Of a write that is still under way: no read covers it.
    let writer = plain(&stock.url).await;
    writer.batch_execute("BEGIN").await.expect("SQL");
    let xid = writer.query_one("SELECT pg_current_xact_id()::text", &[]).await.expect("SQL");
    let xid: u64 = xid.get::<_, &str>(0).parse().expect("a number");
    let ahead = Token::wrote(epoch(&own), Xid(xid)).to_string();
    let request = json!({"page_size": 3, "order_by": "title desc"});
    let holder = stock.hold().await;
    let waits = [("rowcall-token", ahead.as_str()), ("grpc-timeout", "60S")];
    let waiting = stock.ask("ListItems", request.clone(), &waits);
    stock.held_up(1).await;
    release(holder).await;
    let soon = [("grpc-timeout", "10S")];
    let other =
        stock.client().call_with("ListItems", request, &soon).await.expect("it does not wait for the write");
    writer.batch_execute("COMMIT").await.expect("SQL");
    assert_eq!(answer(waiting).await.expect("what it waited for is there").json(), other.json());
}
