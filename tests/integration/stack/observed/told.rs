//! What was called, what failed and what was away → what Prometheus says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tonic::Code;

use super::super::deploy::named;
use super::super::queries::{Query, of_panels, of_rules};
use super::programs::Series;
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

/// The contract has the methods that are called above.
#[test]
fn every_kind_of_method_is_called() {
    let proto =
        std::fs::read_to_string(format!("{CONTRACT}/chinook/v1/chinook.proto")).expect("the contract");
    for method in ["GetTrack", "BatchGetTracks", "ListTracks", "StreamAlbums", "RevenueByCountry"] {
        assert!(proto.contains(&format!("rpc {method}(")), "{method}");
    }
}
