//! Callers that share a statement leave, are late, are too many, or meet a reload: the others never pay for it.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use tonic::Code;

use crate::errors_shop::written;
use crate::join::{CONTRACT, ONE, TABLES, answer, release, thing, things};
use crate::support::session::until;
use crate::support::{Client, EMPTY, Served, database};

#[tokio::test(flavor = "multi_thread")]
async fn when_the_head_leaves_the_others_are_answered() {
    let things = things(&[ONE]).await;
    let held = things.hold("thing").await;
    let head = things.thing(1);
    things.held_up(1).await;
    let calls: Vec<_> = (11..=20).map(|id| (id, things.thing(id))).collect();
    things.arrived().await;
    things.begun(1).await;
    head.abort();
    // The turn passes on while the table is still held.
    things.begun(1).await;
    things.held_up(1).await;
    release(held).await;
    for (id, call) in calls {
        assert_eq!(answer(call).await.expect("its row")["title"], format!("thing {id}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_have_left_the_statement_is_gone_and_the_lane_is_free() {
    let one = [("postgres.connections_max", "1"), ("postgres.connections_kept", "1")];
    let things = things(&[ONE, one[0], one[1]]).await;
    for round in 1..=3 {
        let held = things.hold("thing").await;
        let head = things.thing(1);
        things.held_up(1).await;
        let others: Vec<_> = (11..=20).map(|id| things.thing(id)).collect();
        things.arrived().await;
        things.begun(1).await;
        head.abort();
        things.begun(1).await;
        things.held_up(1).await;
        others.iter().for_each(|call| call.abort());
        things.held_up(0).await;
        release(held).await;
        let row = answer(things.thing(20 + round)).await.expect("the lane and the connection are free");
        assert_eq!(row["title"], format!("thing {}", 20 + round));
        things.begun(1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_its_own_wait_only() {
    let things = things(&[ONE]).await;
    let held = things.hold("thing").await;
    let head = things.ask_within("GetThing", thing(1), Some("30S"));
    things.held_up(1).await;
    things.begun(1).await;
    // One that is late before its turn comes, one in the middle of a shared statement.
    let before = things.ask_within("GetThing", thing(2), Some("200m"));
    let failure = answer(before).await.expect_err("it was held up");
    assert_eq!((failure.code, failure.reason.as_str()), (Code::DeadlineExceeded, "DEADLINE_PASSED"));
    let within = things.ask_within("GetThing", thing(3), Some("3S"));
    let patient = things.ask_within("GetThing", thing(4), Some("30S"));
    things.arrived().await;
    head.abort();
    things.begun(1).await;
    let failure = answer(within).await.expect_err("it was held up");
    assert_eq!((failure.code, failure.reason.as_str()), (Code::DeadlineExceeded, "DEADLINE_PASSED"));
    things.held_up(1).await;
    release(held).await;
    assert_eq!(answer(patient).await.expect("its statement goes on")["title"], "thing 4");
    assert_eq!(things.tap.taken(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_late_leaves_the_turn_to_others() {
    let things = things(&[ONE]).await;
    let held = things.hold("thing").await;
    let head = things.ask_within("GetThing", thing(1), Some("1S"));
    things.held_up(1).await;
    let patient = things.ask_within("GetThing", thing(4), Some("30S"));
    assert_eq!(answer(head).await.expect_err("it was held up").reason, "DEADLINE_PASSED");
    things.begun(2).await;
    release(held).await;
    assert_eq!(answer(patient).await.expect("its own statement")["title"], "thing 4");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_waiting_max_are_refused_until_some_leave() {
    let things = things(&[ONE, ("join.waiting_max", "3")]).await;
    let held = things.hold("thing").await;
    let head = things.thing(1);
    things.held_up(1).await;
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let calls: Vec<_> = (11..=20)
        .map(|id| {
            let (call, ended) = (things.thing(id), ended.clone());
            tokio::spawn(async move {
                let answered = answer(call).await;
                let _ = ended.send(answered.as_ref().err().map(|failure| failure.reason.clone()));
                answered
            })
        })
        .collect();
    // Three wait, and all others are refused while they do.
    for _ in 0..7 {
        assert_eq!(ends.recv().await.expect("an end"), Some("DATABASE_BUSY".to_owned()));
    }
    release(held).await;
    answer(head).await.expect("its row");
    let mut answered = 0;
    for call in calls {
        match call.await.expect("it ends") {
            Ok(_) => answered += 1,
            Err(failure) => assert_eq!(failure.code, Code::ResourceExhausted),
        }
    }
    assert_eq!(answered, 3);

    // Who leaves makes room at once, though the head is still held up.
    let held = things.hold("thing").await;
    let head = things.thing(1);
    things.held_up(1).await;
    for _ in 0..12 {
        let late = answer(things.ask_within("GetThing", thing(2), Some("20m"))).await;
        assert_eq!(late.expect_err("it was held up").reason, "DEADLINE_PASSED");
    }
    release(held).await;
    answer(head).await.expect("its row");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_tables_lose_no_answer() {
    let things = things(&[ONE]).await;
    // Prepared before.
    for _ in 0..3 {
        answer(things.thing(1)).await.expect("its row");
    }
    let held = things.hold("thing").await;
    let head = things.thing(1);
    things.held_up(1).await;
    let calls: Vec<_> = (11..=60).map(|id| (id, things.thing(id))).collect();
    things.arrived().await;
    held.batch_execute("ALTER TABLE thing ALTER title TYPE varchar(50); COMMIT")
        .await
        .expect("the test's own SQL");
    for (id, call) in [(1, head)].into_iter().chain(calls) {
        match answer(call).await {
            Ok(row) => assert_eq!(row["title"], format!("thing {id}")),
            // Retried by whoever retries; never lost.
            Err(failure) => {
                assert_eq!((failure.code, failure.reason.as_str()), (Code::Unavailable, "CATALOG_CHANGED"))
            }
        }
    }
    let late = Instant::now() + Duration::from_secs(10);
    while let Err(failure) = answer(things.thing(3)).await {
        assert_eq!(failure.reason, "CATALOG_CHANGED");
        assert!(Instant::now() < late, "the reload never came");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_loses_no_answer() {
    let database = database(EMPTY).await;
    database.execute(TABLES).await;
    let contract = written(CONTRACT);
    let path = contract.path().to_str().expect("UTF-8").to_owned();
    let (url, folder) = (database.url.clone(), path.clone());
    let start =
        move || Served::start(&["--contract", &folder, "--database", &url, "--set", "join.statements_max=1"]);
    let served = tokio::task::spawn_blocking(start).await.expect("it starts");
    let address = served.address.parse().expect("an address");
    let client = Client::connect(contract.path().to_owned(), address).await;
    let held = database.client().await;
    held.batch_execute("BEGIN; LOCK TABLE thing").await.expect("the test's own SQL");
    let held_up = |count: usize| {
        format!(
            "SELECT count(*) = {count} FROM pg_stat_activity WHERE datname = current_database() \
             AND wait_event_type = 'Lock' AND state = 'active'"
        )
    };
    let ask = |id: usize| {
        let client = client.clone();
        tokio::spawn(async move { client.call("GetThing", thing(id)).await.map(|answer| answer.json()) })
    };
    let mut calls = vec![(1, ask(1))];
    until(&database, &held_up(1)).await;
    calls.extend((11..=40).map(|id| (id, ask(id))));
    for _ in 0..20 {
        client.call("GetThing", json!({"name": "none"})).await.expect_err("no name");
    }
    served.signal(Signal::HUP);
    let late = Instant::now() + Duration::from_secs(30);
    while !served.log().contains("reloaded") {
        assert!(Instant::now() < late, "never reloaded:\n{}", served.log());
        tokio::task::yield_now().await;
    }
    // New plans, new lanes: this one waits for nobody.
    calls.push((2, ask(2)));
    until(&database, &held_up(2)).await;
    calls.extend((41..=60).map(|id| (id, ask(id))));
    release(held).await;
    for (id, call) in calls {
        assert_eq!(answer(call).await.expect("its row")["title"], format!("thing {id}"));
    }
}
