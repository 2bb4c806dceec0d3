//! A call ends at its deadline or with its caller, wherever it is, and its statement ends with it.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio_postgres::Client as Session;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::errors_shop::{Shop, shop};
use crate::support::Failure;
use crate::support::session::until;

/// One connection, so that calls wait for each other, and what comes back is used again.
const ONE: [(&str, &str); 2] = [("postgres.connections_max", "1"), ("postgres.connections_kept", "1")];

/// Holds up every statement on the table until it is dropped.
async fn hold(shop: &Shop) -> Session {
    let session = shop.database.client().await;
    session.batch_execute("BEGIN; LOCK TABLE thing").await.expect("the test's own SQL");
    session
}

/// Whether a statement of Rowcall's waits for the lock.
const WAITS: &str = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() \
                     AND wait_event_type = 'Lock' AND state = 'active'";
const GONE: &str = "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() \
                    AND wait_event_type = 'Lock' AND state = 'active'";

#[track_caller]
fn passed(failure: Failure) {
    assert_eq!((failure.code, failure.reason.as_str()), (Code::DeadlineExceeded, "DEADLINE_PASSED"));
    assert!(failure.message.starts_with("the deadline passed after "), "{}", failure.message);
    assert!(failure.status.get_details_retry_info().is_none());
    assert_eq!(failure.status.get_details_error_info().expect("an ErrorInfo").domain, "rowcall.dev");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_a_unary_call_and_its_statement() {
    let shop = shop(&[]).await;
    let _held = hold(&shop).await;
    for (method, request) in [
        ("GetThing", json!({"name": "things/1"})),
        ("BatchGetThings", json!({"names": ["things/1", "things/2"]})),
        ("ListThings", json!({})),
        ("GetThing", json!({"name": "things/2", "read_mask": "title,maker"})),
    ] {
        let called = Instant::now();
        let failure = shop.client.call_with(method, request, &[("grpc-timeout", "400m")]).await.unwrap_err();
        passed(failure);
        assert!(called.elapsed() < Duration::from_secs(5), "{method}");
        until(&shop.database, GONE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_a_function_and_its_statement() {
    let shop = shop(&[]).await;
    let held = shop.database.client().await;
    held.batch_execute("SELECT pg_advisory_lock(7)").await.expect("the test's own SQL");
    let answer = shop.client.call_with("Held", json!({"n": 7}), &[("grpc-timeout", "400m")]).await;
    passed(answer.unwrap_err());
    until(&shop.database, GONE).await;
    held.batch_execute("SELECT pg_advisory_unlock(7)").await.expect("the test's own SQL");
    let answer = shop.client.call("Held", json!({"n": 7})).await.expect("nothing holds it");
    assert_eq!(answer.json(), json!({"number": 1}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_is_of_a_whole_stream() {
    let shop = shop(&[]).await;
    shop.widen().await;
    let request = json!({"chunk_size": 1});
    let timeout = [("grpc-timeout", "3S")];
    let mut chunks = shop.client.stream_with("StreamThings", request, &timeout).await.expect("it begins");
    chunks.next().await.expect("a chunk").expect("a chunk");
    let _held = hold(&shop).await;
    let failure = loop {
        match chunks.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended"),
            Err(failure) => break failure,
        }
    };
    passed(failure);
    until(&shop.database, GONE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_deadline_the_default_holds_for_every_chunk() {
    let shop = shop(&[("limits.deadline_default", "2s")]).await;
    shop.widen().await;
    let request = json!({"chunk_size": 1});
    let mut chunks = shop.client.stream("StreamThings", request).await.expect("it begins");
    chunks.next().await.expect("a chunk").expect("a chunk");
    let _held = hold(&shop).await;
    let failure = loop {
        match chunks.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended"),
            Err(failure) => break failure,
        }
    };
    assert_eq!(failure.reason, "DEADLINE_PASSED");
    assert_eq!(failure.message, "nothing was ready within 2s; set a deadline to allow more");
    let failure = shop.client.call("GetThing", json!({"name": "things/1"})).await.unwrap_err();
    assert_eq!((failure.code, failure.reason.as_str()), (Code::DeadlineExceeded, "DEADLINE_PASSED"));
    until(&shop.database, GONE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_bounds_the_wait_for_a_connection() {
    let shop = shop(&[ONE[0], ONE[1], ("postgres.wait_max", "30s")]).await;
    let held = hold(&shop).await;
    let client = shop.client.clone();
    let first = tokio::spawn(async move { client.call("GetThing", json!({"name": "things/1"})).await });
    until(&shop.database, WAITS).await;
    let called = Instant::now();
    let timeout = [("grpc-timeout", "300m")];
    passed(shop.client.call_with("ListParts", json!({"parent": "things/1"}), &timeout).await.unwrap_err());
    assert!(called.elapsed() < Duration::from_secs(5));
    held.batch_execute("ROLLBACK").await.expect("the test's own SQL");
    first.await.expect("it ends").expect("the first call is answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_never_runs_longer_than_its_limit() {
    let shop = shop(&[("postgres.statement_max", "3s")]).await;
    let _held = hold(&shop).await;
    let timeout = [("grpc-timeout", "30S")];
    let request = json!({"name": "things/1"});
    let failure = shop.client.call_with("GetThing", request, &timeout).await.unwrap_err();
    assert_eq!((failure.code, failure.reason.as_str()), (Code::DeadlineExceeded, "DEADLINE_PASSED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_takes_its_statement_along() {
    let shop = shop(&ONE).await;
    for method in ["GetThing", "ListThings"] {
        let held = hold(&shop).await;
        let (client, method) = (shop.client.clone(), method.to_owned());
        let request = if method == "GetThing" { json!({"name": "things/1"}) } else { json!({}) };
        let call = tokio::spawn(async move { client.call(&method, request).await.map(drop) });
        until(&shop.database, WAITS).await;
        call.abort();
        until(&shop.database, GONE).await;
        held.batch_execute("ROLLBACK").await.expect("the test's own SQL");
        shop.client.call("GetThing", json!({"name": "things/1"})).await.expect("the connection is good");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_a_stream_takes_its_statement_along() {
    let shop = shop(&ONE).await;
    shop.widen().await;
    let mut chunks = shop.client.stream("StreamThings", json!({"chunk_size": 1})).await.expect("it begins");
    chunks.next().await.expect("a chunk").expect("a chunk");
    let held = hold(&shop).await;
    let reading = tokio::spawn(async move { while let Ok(Some(_)) = chunks.next().await {} });
    until(&shop.database, WAITS).await;
    reading.abort();
    until(&shop.database, GONE).await;
    held.batch_execute("ROLLBACK").await.expect("the test's own SQL");
    shop.client.call("GetThing", json!({"name": "things/1"})).await.expect("the connection is good");
}
