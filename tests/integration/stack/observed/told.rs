//! What was called, what failed and what was away → what Prometheus, the traces and the log say of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tonic::Code;

use super::super::deploy::named;
use super::super::queries::{Query, of_panels, of_rules};
use super::programs::{Series, Span};
use super::seen::{CONTRACT, DATABASE, Scene};
use crate::support::{Client, Failure};

/// What has no answer here: nobody was there a week ago.
const LAST_WEEK: &str = "offset 1w";

/// Calls that were made, by method and status.
#[derive(Default)]
struct Made(BTreeMap<(String, &'static str), u64>);

impl Made {
    fn note<T>(&mut self, method: &str, ended: &Result<T, Failure>) {
        let code = ended.as_ref().err().map_or(Code::Ok, |failure| failure.status.code());
        *self.0.entry((method.to_owned(), written(code))).or_default() += 1;
    }

    async fn call(&mut self, client: &Client, method: &str, request: Value) {
        let ended = client.call(method, request).await;
        self.note(method, &ended);
    }

    async fn stream(&mut self, client: &Client, method: &str, request: Value) {
        let ended = async {
            let mut chunks = client.stream(method, request).await?;
            while chunks.next().await?.is_some() {}
            Ok(())
        };
        let ended = ended.await;
        self.note(method, &ended);
    }

    /// A stream that its caller leaves after the first of very many chunks.
    async fn leave(&mut self, client: &Client, method: &str, request: Value) {
        let mut chunks = client.stream(method, request).await.expect("a stream");
        chunks.next().await.expect("a chunk");
        drop(chunks);
        *self.0.entry((method.to_owned(), "CANCELLED")).or_default() += 1;
    }

    /// Nobody makes a series by asking for what there is not.
    async fn unknown(&mut self, client: &Client, path: &'static str) {
        let status = client.unknown(path).await;
        assert_eq!(status.code(), Code::Unimplemented, "{status:?}");
        *self.0.entry(("other".to_owned(), "UNIMPLEMENTED")).or_default() += 1;
    }

    fn all(&self) -> u64 {
        self.0.values().sum()
    }
}

/// Every kind of method, and three ways to fail.
async fn round(made: &mut Made, client: &Client, number: u64) {
    let track = number % 3_000 + 1;
    for _ in 0..3 {
        made.call(client, "GetTrack", json!({"name": format!("tracks/{track}")})).await;
    }
    let names = json!({"names": [format!("tracks/{track}"), "tracks/1"]});
    made.call(client, "BatchGetTracks", names).await;
    made.call(client, "ListTracks", json!({"page_size": 20, "filter": format!("length > {}s", number % 50)}))
        .await;
    let mask = json!({"name": "tracks/1", "read_mask": "title,album_detail.title"});
    made.call(client, "GetTrack", mask).await;
    made.stream(client, "StreamAlbums", json!({"chunk_size": 100})).await;
    made.call(client, "RevenueByCountry", json!({})).await;
    made.call(client, "GetTrack", json!({"name": "tracks/9999999"})).await;
    made.call(client, "ListTracks", json!({"filter": "lenght > 3"})).await;
    // Who leaves very often is asked to go.
    if number.is_multiple_of(20) {
        made.leave(client, "StreamTracks", json!({"chunk_size": 1})).await;
    }
    made.unknown(client, "/chinook.v1.ChinookService/GetTrak").await;
    made.unknown(client, "/no.Service/AtAll").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the Collector and Prometheus: `make test-stack` installs them"]
async fn what_happened_is_what_panels_and_rules_show() {
    let mut scene =
        Scene::start("SELECT 1", |primary| primary.url(DATABASE), &["cache.verify_one_in=5"]).await;
    let mut made = Made::default();
    let client = scene.client.clone();

    // Twice as long as a rate looks back, with both away in between.
    let (begun, mut rounds) = (Instant::now(), 0);
    let mut while_up = async |made: &mut Made, seconds| {
        let late = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < late {
            round(made, &client, rounds).await;
            rounds += 1;
        }
    };
    while_up(&mut made, 35).await;
    scene.collector.kill();
    while_up(&mut made, 15).await;
    scene.collector.go_on();
    while_up(&mut made, 15).await;
    scene.primary.control("stop");
    let refused = async |made: &mut Made| {
        let ended = scene
            .client
            .call_with("GetTrack", json!({"name": "tracks/7"}), &[("cache-control", "no-cache")])
            .await;
        made.note("GetTrack", &ended);
        ended.is_err_and(|failure| failure.status.code() == Code::Unavailable)
    };
    while !refused(&mut made).await {}
    // As long as Prometheus needs to have seen it down.
    tokio::task::block_in_place(|| {
        scene.prometheus.until("rowcall_postgres_up{rowcall_role=\"primary\"}", |up| up == 0.0)
    });
    scene.primary.control("start");
    while refused(&mut made).await {}
    while_up(&mut made, 30).await;
    let took = begun.elapsed();

    tokio::task::block_in_place(|| {
        every_call_is_counted(&scene, &made);
        every_query_has_an_answer(&scene, took);
        values_are_such_as_they_can_be(&scene);
    });
}

/// Exactly: a collector that was away loses nothing of what is counted.
fn every_call_is_counted(scene: &Scene, made: &Made) {
    let all = made.all() as f64;
    scene.prometheus.until("sum(grpc_server_call_started_total)", |started| started == all);
    let ended = "sum by (grpc_method, grpc_status) (grpc_server_call_duration_seconds_count)";
    let seen = scene.prometheus.ask(ended).expect("an answer");
    let seen: BTreeMap<(String, String), u64> = seen
        .iter()
        .filter(|series| series.value > 0.0)
        .map(|series| {
            let method = series.labels["grpc_method"].rsplit('/').next().unwrap_or_default().to_owned();
            ((method, series.labels["grpc_status"].clone()), series.value as u64)
        })
        .collect();
    let expected: BTreeMap<(String, String), u64> =
        made.0.iter().map(|((method, code), count)| ((method.clone(), (*code).to_owned()), *count)).collect();
    assert_eq!(seen, expected);
    let failed: u64 = made.0.iter().filter(|((_, code), _)| *code != "OK").map(|(_, count)| count).sum();
    assert_eq!(scene.prometheus.number("sum(rowcall_call_failures_total)"), Some(failed as f64));
    let dropped = "sum(rowcall_telemetry_dropped_total{rowcall_signal!=\"logs\"})";
    assert!(scene.prometheus.number(dropped).is_some_and(|dropped| dropped > 0.0), "the collector was away");
}

fn written(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::NotFound => "NOT_FOUND",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::Unavailable => "UNAVAILABLE",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        other => panic!("{other:?} was not meant to come"),
    }
}

fn every_query_has_an_answer(scene: &Scene, took: Duration) {
    let minutes = took.as_secs() / 60 + 2;
    let (recorded, alerts) = of_rules();
    let panels = of_panels();
    assert!(panels.len() > 60 && recorded.len() > 20 && alerts.len() > 8, "{} panels", panels.len());
    let mut problems = Vec::new();
    for Query { place, text } in panels.iter().chain(&recorded) {
        match scene.prometheus.ask_range(text, minutes) {
            Err(error) => problems.push(format!("{place}: {error}: {text}")),
            Ok(series) if series.is_empty() && !may_be_empty(place, text) => {
                problems.push(format!("{place}: no data: {text}"));
            }
            // More than there was may be spent.
            Ok(_) if place.contains("budget") => {}
            Ok(series) => problems.extend(odd(&series).map(|odd| format!("{place}: {odd}: {text}"))),
        }
    }
    for Query { place, text } in &recorded {
        match scene.prometheus.ask_range(place, minutes) {
            Ok(series) if !series.is_empty() => {}
            _ => problems.push(format!("{place}: is not recorded: {text}")),
        }
    }
    // An alert's condition is met by nothing when all is well; what it looks at has to be there.
    let names: BTreeSet<String> = alerts.iter().flat_map(|alert| named(&alert.text)).collect();
    for Query { place, text } in &alerts {
        if let Err(error) = scene.prometheus.ask_range(text, minutes) {
            problems.push(format!("{place}: {error}: {text}"));
        }
    }
    for name in names {
        match scene.prometheus.ask_range(&name, minutes) {
            Ok(series) if !series.is_empty() => {}
            _ => problems.push(format!("an alert looks at {name}, which is nowhere")),
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// What is not there is the answer.
fn may_be_empty(place: &str, text: &str) -> bool {
    text.contains(LAST_WEEK) || text.contains("ALERTS") || place.contains("budget:spent30d")
}

/// A value that cannot be.
fn odd(series: &[Series]) -> Option<String> {
    let odd = series.iter().find(|series| series.value.is_infinite() || series.value < 0.0)?;
    Some(format!("{} of {:?}", odd.value, odd.labels))
}

fn values_are_such_as_they_can_be(scene: &Scene) {
    let number = |query: &str| scene.prometheus.number(query).unwrap_or_else(|| panic!("{query}: nothing"));
    let within = |query: &str, range: std::ops::RangeInclusive<f64>| {
        let value = number(query);
        assert!(range.contains(&value), "{query} is {value}");
    };
    // Not a second passes in a call, and none takes less than a microsecond.
    let quantile =
        "histogram_quantile(0.5, sum by (le) (grpc_server_call_duration_seconds_bucket{grpc_status=\"OK\"}))";
    within(quantile, 0.000001..=1.0);
    within("sum(rowcall_cache_lookups_total{rowcall_result=\"hit\"})", 10.0..=f64::MAX);
    within("sum(rowcall_feed_tables{rowcall_mode=\"tracked\"})", 11.0..=11.0);
    within("sum(rowcall_resources{rowcall_fit=\"fits\"})", 11.0..=11.0);
    within("max(rowcall_postgres_up)", 1.0..=1.0);
    within("rowcall_redis_up", 1.0..=1.0);
    within("sum(rowcall_cache_verified_total)", 1.0..=f64::MAX);
    within("sum(rowcall_cache_mismatches_total)", 0.0..=0.0);
    within("process_memory_usage_bytes", 1e7..=2e9);
    within("rowcall_memory_limit_bytes", 1e8..=1e13);
    within("process_uptime_seconds", 60.0..=3_600.0);
    within("sum(rowcall_postgres_backends)", 1.0..=100.0);
    within("count(rowcall_contract_info)", 1.0..=1.0);
    within("count(rowcall_catalog_info)", 1.0..=1.0);
    within("rowcall_call_limit", 10_000.0..=10_000.0);
    within("count by (service_instance_id) (rowcall_build_info)", 1.0..=1.0);
    let summaries =
        scene.prometheus.ask("sum by (db_query_summary) (db_client_operation_duration_seconds_count)");
    let summaries: BTreeSet<String> = summaries
        .expect("an answer")
        .into_iter()
        .map(|series| series.labels["db_query_summary"].clone())
        .collect();
    for summary in
        ["SELECT track by key", "SELECT track", "SELECT album of parents", "CALL revenue_by_country"]
    {
        assert!(summaries.contains(summary), "{summary} is not among {summaries:?}");
    }
}

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
        tokio::time::sleep(Duration::from_millis(700)).await;
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

/// The contract has the methods that are called above.
#[test]
fn every_kind_of_method_is_called() {
    let proto =
        std::fs::read_to_string(format!("{CONTRACT}/chinook/v1/chinook.proto")).expect("the contract");
    for method in ["GetTrack", "BatchGetTracks", "ListTracks", "StreamAlbums", "RevenueByCountry"] {
        assert!(proto.contains(&format!("rpc {method}(")), "{method}");
    }
}
