//! Calls → their traces: the caller's ids, the stages that `server-timing` tells, and the lines of the log that lead there.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::programs::Span;
use super::seen::{DATABASE, Scene};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the Collector and Prometheus: `make test-stack` installs them"]
async fn a_trace_is_the_callers_and_its_spans_are_what_server_timing_says() {
    let scene = Scene::start(
        "SELECT 1",
        |primary| primary.url(DATABASE),
        &["telemetry.traces_ratio=0", "log.slow=300ms", "log.explain=1ms"],
    )
    .await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let headers = [("traceparent", parent.as_str()), ("rowcall-timing", "on"), ("cache-control", "no-cache")];
    let request = json!({"name": "tracks/1", "read_mask": "title,album_detail.title"});
    let answer = scene.client.call_with("GetTrack", request, &headers).await.expect("a track");
    let said = answer.said("traceparent").expect("a trace").to_owned();
    assert!(said.starts_with(&format!("00-{trace}-")) && said.ends_with("-01"), "{said}");
    let timing = answer.said("server-timing").expect("stages").to_owned();

    let spans = tokio::task::block_in_place(|| scene.collector.trace(trace, 7));
    let root = one(&spans, "chinook.v1.ChinookService/GetTrack");
    assert_eq!((root.parent.as_str(), root.kind), ("00f067aa0ba902b7", 2));
    assert_eq!(root.attributes["rpc.response.status_code"], "OK");
    assert_eq!(root.attributes["rpc.system.name"], "grpc");
    for stage in timing.split(", ") {
        let (name, milliseconds) =
            (stage.split(';').next().unwrap_or_default(), stage.rsplit("dur=").next().unwrap_or_default());
        let span = one(&spans, name);
        assert_eq!(span.parent, root.id, "{name}");
        assert_eq!(format!("{:.3}", span.nanoseconds as f64 / 1e6), milliseconds, "{name} of {timing}");
    }
    let execute = one(&spans, "execute");
    for (summary, table) in [("SELECT track by key", "track"), ("SELECT album of parents", "album")] {
        let statement = one(&spans, summary);
        assert_eq!((statement.parent.as_str(), statement.kind), (execute.id.as_str(), 3));
        assert_eq!(statement.attributes["db.collection.name"], table);
        assert_eq!(statement.attributes["db.system.name"], "postgresql");
        assert!(statement.attributes["db.query.text"].contains("$1"), "{:?}", statement.attributes);
        assert_eq!(statement.attributes["db.response.returned_rows"], "1");
    }

    // Not sampled, and told: one that failed and one that was slow, with the stages.
    let failed =
        scene.client.call("GetTrack", json!({"name": "tracks/9999999"})).await.expect_err("no such track");
    let id = failed.status.metadata().get("traceparent").expect("a trace").to_str().expect("ASCII")[3..35]
        .to_owned();
    let spans = tokio::task::block_in_place(|| scene.collector.trace(&id, 3));
    assert_eq!(one(&spans, "chinook.v1.ChinookService/GetTrack").attributes["rowcall.reason"], "ROW_MISSING");
    let line = logged(&scene, &id);
    assert_eq!((line["reason"].as_str(), line["status"].as_str()), (Some("ROW_MISSING"), Some("NOT_FOUND")));
    assert_eq!(line["span_id"].as_str(), Some(one(&spans, "chinook.v1.ChinookService/GetTrack").id.as_str()));
    assert_eq!(line["method"], "chinook.v1.ChinookService/GetTrack");
    assert!(line["stage"].is_string());

    let holder = tokio_postgres::connect(&scene.primary.url(DATABASE), tokio_postgres::NoTls)
        .await
        .expect("a session");
    tokio::spawn(holder.1);
    holder.0.batch_execute("BEGIN; LOCK TABLE genre IN ACCESS EXCLUSIVE MODE").await.expect("the lock");
    let headers = [("cache-control", "no-cache")];
    let slow = scene.client.call_with("ListGenres", json!({}), &headers);
    let let_go = async {
        held_up(&scene, "500 ms").await;
        holder.0.batch_execute("ROLLBACK").await.expect("the lock is given back");
    };
    let (slow, ()) = tokio::join!(slow, let_go);
    let id = slow.expect("genres").said("traceparent").expect("a trace")[3..35].to_owned();
    let spans = tokio::task::block_in_place(|| scene.collector.trace(&id, 4));
    let statement = one(&spans, "SELECT genre");
    assert!(statement.nanoseconds > 300_000_000, "{statement:?}");
    assert_eq!(logged(&scene, &id)["message"], "a call was slow");
    scene.served.logged("Postgres' plan of a slow statement", 1).await;
    let plan =
        scene.served.log().lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(|line| {
            line["message"] == "Postgres' plan of a slow statement" && line["statement"] == "SELECT genre"
        });
    let plan = plan.expect("the plan");
    assert!(plan["plan"].as_str().is_some_and(|plan| plan.contains("genre")), "{plan}");
    assert_eq!(plan["trace_id"], id);

    // What went well, quickly, and is not sampled is not told.
    let quick = scene.client.call("GetTrack", json!({"name": "tracks/3"})).await.expect("a track");
    let id = quick.said("traceparent").expect("a trace")[3..35].to_owned();
    let _ = scene.client.call("GetTrack", json!({"name": "tracks/9999998"})).await;
    assert!(scene.collector.spans().iter().all(|span| span.trace != id));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the Collector and Prometheus: `make test-stack` installs them"]
async fn gets_that_share_a_statement_lead_to_its_one_span() {
    let settings =
        ["postgres.connections_max=1", "join.statements_max=1", "cache.bytes_max=0", "replicas.urls="];
    let scene = Scene::start("SELECT 1", |primary| primary.url(DATABASE), &settings).await;
    let mut calls = Vec::new();
    for track in 1..=40 {
        let client = scene.client.clone();
        let request = json!({"name": format!("tracks/{track}")});
        calls.push(async move {
            let answer = client.call("GetTrack", request).await.expect("a track");
            answer.said("traceparent").expect("a trace")[3..35].to_owned()
        });
    }
    let traces: BTreeSet<String> = futures_util::future::join_all(calls).await.into_iter().collect();
    assert_eq!(traces.len(), 40);
    let spans = tokio::task::block_in_place(|| {
        traces.iter().flat_map(|trace| scene.collector.trace(trace, 3)).collect::<Vec<Span>>()
    });
    let statements: BTreeSet<(String, String)> = spans
        .iter()
        .filter(|span| span.name.starts_with("SELECT track"))
        .map(|span| (span.trace.clone(), span.id.clone()))
        .collect();
    let links: Vec<&(String, String)> = spans.iter().flat_map(|span| &span.links).collect();
    assert!(!links.is_empty(), "none was shared");
    assert_eq!(statements.len() + links.len(), 40, "each call has its statement, or leads to it");
    assert!(links.iter().all(|link| statements.contains(link)), "a link leads nowhere");
}

/// Waits until a statement has waited for a lock for so long.
async fn held_up(scene: &Scene, time: &str) {
    let (client, driven) = tokio_postgres::connect(&scene.primary.url(DATABASE), tokio_postgres::NoTls)
        .await
        .expect("a session");
    tokio::spawn(driven);
    let waits = format!(
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'
         AND clock_timestamp() - query_start > '{time}'"
    );
    let late = Instant::now() + Duration::from_secs(30);
    while !client.query_one(&waits, &[]).await.expect("the test's own SQL").get::<_, bool>(0) {
        assert!(Instant::now() < late, "nothing waits for the lock");
    }
}

fn one<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let mut found = spans.iter().filter(|span| span.name == name);
    let one = found.next().unwrap_or_else(|| {
        panic!("no span {name} among {:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>())
    });
    assert!(found.next().is_none(), "several {name}");
    one
}

/// The line of the log that has this trace.
fn logged(scene: &Scene, trace: &str) -> Value {
    let log = scene.served.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = lines.into_iter().find(|line| line["trace_id"] == trace);
    found.unwrap_or_else(|| panic!("no line has {trace}:\n{log}"))
}
