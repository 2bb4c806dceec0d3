//! Every limit: what passes it has its status, and others go on.
//!
//! Pages, rows and results have theirs in `errors`, joined Gets in `join` and `join_leaving`, prepared
//! statements in `postgres_prepared`, connections and headers in `grpc`.

use std::time::{Duration, Instant};

use futures_util::poll;
use rowcall::postgres::{Error, Mode, Postgres};
use serde_json::{Value, json};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::errors_shop::{Shop, shop};
use crate::support::session::{postgres, run, until, want, within};
use crate::support::{Database, EMPTY, Failure, database};

async fn served(shop: &Shop) {
    shop.client.call("GetThing", json!({"name": "things/1"})).await.expect("others go on");
}

async fn refused(shop: &Shop, method: &str, request: Value) -> Failure {
    let failure = shop.client.call(method, request).await.expect_err("it is more than may be");
    served(shop).await;
    failure
}

/// One connection, and a queue before it.
async fn one(change: impl FnOnce(&mut rowcall::postgres::Settings)) -> (Database, Postgres) {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |settings| {
        settings.connections_max = 1;
        change(settings);
    });
    (database, postgres)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_larger_than_a_message_may_be_is_refused() {
    let shop = shop(&[("limits.message_bytes_max", "1KiB"), ("pages.bytes_max", "1KiB")]).await;
    let failure = refused(&shop, "GetThing", json!({"name": "x".repeat(1_100)})).await;
    assert_eq!((failure.code, failure.reason.as_str()), (Code::InvalidArgument, "FIELD_INVALID"));
    assert_eq!(failure.info["bytes_max"], "1024");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_more_names_than_may_be_is_refused() {
    let shop = shop(&[("limits.batch_max", "3")]).await;
    let names =
        |count: usize| json!({"names": (1..=count).map(|n| format!("things/{n}")).collect::<Vec<_>>()});
    let failure = refused(&shop, "BatchGetThings", names(4)).await;
    assert_eq!((failure.code, failure.reason.as_str()), (Code::InvalidArgument, "FIELD_INVALID"));
    assert!(failure.message.contains('3'), "{}", failure.message);
    let few = shop.client.call("BatchGetThings", names(3)).await.expect("as many as may be").json();
    assert_eq!(few["things"].as_array().map(Vec::len), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_says_more_than_it_may_is_refused() {
    let settings = [("limits.filter_bytes_max", "30"), ("limits.filter_terms_max", "2")];
    let shop = shop(&settings).await;
    for (filter, why) in [
        ("title = \"a thing of a long name\"", "at most 30 are allowed"),
        ("in(title, \"a\", \"b\", \"c\")", "has more than 2 comparisons"),
        ("title:a title:b title:c", "has more than 2 comparisons"),
    ] {
        let failure = refused(&shop, "ListThings", json!({"filter": filter})).await;
        assert_eq!((failure.code, failure.reason.as_str()), (Code::InvalidArgument, "FILTER_INVALID"));
        assert!(failure.message.contains(why), "{}", failure.message);
    }
    shop.client
        .call("ListThings", json!({"filter": "in(title, \"a\", \"b\")"}))
        .await
        .expect("just short enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_larger_page_than_may_be_is_cut_down() {
    let shop = shop(&[("pages.size_default", "5"), ("pages.size_max", "7")]).await;
    let page = shop.client.call("ListThings", json!({"page_size": 1_000})).await.expect("a page").json();
    assert_eq!(page["things"].as_array().map(Vec::len), Some(7));
    assert!(page["next_page_token"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_streams_than_there_may_be_are_turned_away() {
    let shop = shop(&[("stream.streams_max", "1")]).await;
    shop.widen().await;
    let request = || json!({"chunk_size": 1});
    let mut first = shop.client.stream("StreamThings", request()).await.expect("one may be");
    first.next().await.expect("a chunk").expect("a chunk");
    let failure = shop.client.stream("StreamThings", request()).await.err().expect("one too many");
    assert_eq!((failure.code, failure.reason.as_str()), (Code::ResourceExhausted, "OVERLOADED"));
    assert_eq!(failure.info["streams_max"], "1");
    let told = failure.status.get_details_retry_info().and_then(|retry| retry.retry_delay);
    let told = told.expect("a RetryInfo").as_millis().to_string();
    assert_eq!(failure.status.metadata().get("grpc-retry-pushback-ms").expect("told"), told.as_str());
    // Calls that are no streams have places of their own.
    served(&shop).await;
    first.next().await.expect("a chunk").expect("it goes on");
    drop(first);
    let late = Instant::now() + Duration::from_secs(10);
    while let Err(failure) = shop.client.stream("StreamThings", request()).await {
        assert_eq!(failure.reason, "OVERLOADED");
        assert!(Instant::now() < late, "its place is never free again");
    }
}

#[tokio::test]
async fn more_than_waiting_max_do_not_wait_for_a_connection() {
    let (_database, postgres) = one(|settings| settings.waiting_max = 2).await;
    let held = postgres.session(want(Mode::Single)).await.unwrap();
    let mut first = Box::pin(postgres.session(want(Mode::Single)));
    let mut second = Box::pin(postgres.session(want(Mode::Single)));
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    for _ in 0..100 {
        assert!(matches!(postgres.session(want(Mode::Single)).await, Err(Error::Busy)));
    }
    // Who leaves makes room.
    drop(first);
    let mut third = Box::pin(postgres.session(want(Mode::Single)));
    assert!(poll!(&mut third).is_pending());
    drop(held);
    // In the order they came.
    let second = second.await.unwrap();
    assert!(poll!(&mut third).is_pending());
    drop(second);
    third.await.unwrap();
}

#[tokio::test]
async fn a_call_that_would_wait_too_long_is_busy_at_once() {
    let (_database, postgres) = one(|settings| settings.wait_max = Duration::from_secs(1)).await;
    let nap = async || {
        let mut session = postgres.session(want(Mode::Single)).await.unwrap();
        run(&mut session, "SELECT pg_sleep(0.1)::text", &[25]).await.unwrap();
    };
    for _ in 0..16 {
        nap().await;
    }
    let held = postgres.session(want(Mode::Single)).await.unwrap();
    // A tenth of a second to wait, perhaps two, and another to run.
    assert!(matches!(postgres.session(within(250)).await, Err(Error::Busy)));
    let mut waiting = Vec::new();
    // As many as `wait_max` has room for, of whom none has waited for nothing.
    let refused = loop {
        let mut further = Box::pin(postgres.session(want(Mode::Single)));
        match poll!(&mut further) {
            std::task::Poll::Pending => waiting.push(further),
            std::task::Poll::Ready(answer) => break answer,
        }
    };
    assert!(matches!(refused, Err(Error::Busy)));
    assert!((1..=5).contains(&waiting.len()), "{} wait", waiting.len());
    drop(held);
    for session in waiting {
        drop(session.await.unwrap());
    }
    assert!(
        postgres.session(within(250)).await.is_ok(),
        "an idle connection is had, however long calls took"
    );
}

#[tokio::test]
async fn callers_who_leave_foretell_nothing() {
    let (database, postgres) = one(|settings| settings.cancel_wait_max = Duration::from_secs(10)).await;
    for _ in 0..20 {
        let mut session = postgres.session(want(Mode::Single)).await.unwrap();
        let slept = run(&mut session, "SELECT pg_sleep(306)::text", &[25]);
        assert!(tokio::time::timeout(Duration::from_millis(30), slept).await.is_err());
    }
    let held = postgres.session(want(Mode::Single)).await.unwrap();
    let mut short = Box::pin(postgres.session(within(5_000)));
    assert!(poll!(&mut short).is_pending(), "it is not refused for what others have left");
    drop(held);
    assert!(short.await.is_ok());
    until(&database, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(306)%' AND state = 'active' AND pid <> pg_backend_pid())").await;
}

#[tokio::test]
async fn more_cancels_than_may_be_at_once_come_one_after_the_other() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |settings| {
        settings.connections_max = 8;
        settings.cancels_max = 1;
        settings.cancel_wait_max = Duration::from_secs(20);
    });
    let asleep = |count: usize| {
        format!(
            "SELECT count(*) = {count} FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(307)%' \
             AND state = 'active' AND datname = current_database() AND pid <> pg_backend_pid()"
        )
    };
    let sleepers: Vec<_> = (0..8)
        .map(|_| {
            let postgres = postgres.clone();
            tokio::spawn(async move {
                let mut session = postgres.session(want(Mode::Single)).await.unwrap();
                run(&mut session, "SELECT pg_sleep(307)::text", &[25]).await
            })
        })
        .collect();
    until(&database, &asleep(8)).await;
    sleepers.iter().for_each(|sleeper| sleeper.abort());
    until(&database, &asleep(0)).await;
    let mut sessions = Vec::new();
    for _ in 0..8 {
        let mut session = postgres.session(want(Mode::Single)).await.unwrap();
        assert_eq!(run(&mut session, "SELECT 'awake'", &[25]).await.unwrap(), [b"awake"]);
        sessions.push(session);
    }
    assert_eq!(postgres.counts().connections, 8);
}
