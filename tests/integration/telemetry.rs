//! Where telemetry goes wrong, and what it tells where no collector is: it costs the calls nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{CHINOOK, Client, Served, database, free_port};

const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contracts/chinook");
const CALLS: usize = 20_000;
const AT_ONCE: usize = 32;
const GROWTH_MAX: u64 = 48 << 20;

async fn served(url: &str, settings: &[String]) -> (Served, Client) {
    let mut arguments =
        vec!["--contract".to_owned(), CONTRACT.to_owned(), "--database".to_owned(), url.to_owned()];
    for setting in settings {
        arguments.extend(["--set".to_owned(), setting.clone()]);
    }
    let start = move || Served::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let served = tokio::task::spawn_blocking(start).await.expect("it starts");
    let client = Client::connect(CONTRACT.into(), served.address.parse().expect("an address")).await;
    (served, client)
}

/// `make load` does the same for an hour's calls at a thousand a second, and compares.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_gone_fails_no_call_and_takes_little_memory() {
    let database = database(CHINOOK).await;
    let gone = free_port();
    let settings = [
        format!("telemetry.endpoint=http://127.0.0.1:{gone}"),
        "telemetry.traces_ratio=1".to_owned(),
        "telemetry.traces_per_second=1000000".to_owned(),
        "telemetry.logs=true".to_owned(),
        "telemetry.metrics_interval=1s".to_owned(),
    ];
    let (served, client) = served(&database.url, &settings).await;
    call(&client, CALLS / 4).await;
    let before = served.resident_bytes();
    call(&client, CALLS).await;
    let grown = served.resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{grown} bytes");
    // Each signal says it once.
    served.logged("the collector does not take telemetry", 3).await;
    for signal in ["traces", "logs", "metrics"] {
        assert_eq!(served.log().matches(&format!("signal=\"{signal}\"")).count(), 1, "{}", served.log());
    }
    let ending = Instant::now();
    assert!(served.stop().success());
    // It gives up what is left after a while.
    assert!(ending.elapsed() < Duration::from_secs(20), "{:?}", ending.elapsed());
}

async fn call(client: &Client, calls: usize) {
    let each = (0..AT_ONCE).map(|_| async {
        for _ in 0..calls / AT_ONCE {
            client.call("GetTrack", json!({"name": "tracks/1"})).await.expect("a track");
        }
    });
    futures_util::future::join_all(each).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sentry_is_told_of_internal_by_method_and_trace_and_of_no_value() {
    let database = database(CHINOOK).await;
    database
        .execute(
            "CREATE FUNCTION revenue_by_country(minimum numeric DEFAULT 0)
             RETURNS TABLE (country text, invoice_count bigint, revenue numeric) LANGUAGE plpgsql STABLE
             AS 'BEGIN RAISE EXCEPTION ''qzcanaryqz'' USING ERRCODE = ''XX000''; END'",
        )
        .await;
    let sentry = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = sentry.local_addr().expect("an address").port();
    let (told, events) = mpsc::channel();
    std::thread::spawn(move || {
        for socket in sentry.incoming().flatten() {
            let _ = told.send(envelope(socket));
        }
    });
    let dsn = format!("telemetry.sentry_dsn=http://key@127.0.0.1:{port}/1");
    let (served, client) = served(&database.url, &[dsn]).await;
    let failed = client.call("RevenueByCountry", json!({})).await.expect_err("it raises");
    assert_eq!(failed.status.code(), tonic::Code::Internal);
    let trace = failed.status.metadata().get("traceparent").expect("a trace").to_str().expect("ASCII")[3..35]
        .to_owned();
    let event =
        tokio::task::block_in_place(|| events.recv_timeout(Duration::from_secs(30))).expect("an event");
    assert!(
        event.contains("chinook.v1.ChinookService/RevenueByCountry") && event.contains(&trace),
        "{event}"
    );
    assert!(
        !event.contains("qzcanaryqz") && !served.log().contains("qzcanaryqz"),
        "{event}\n{}",
        served.log()
    );
}

/// The body of a request, which is answered.
fn envelope(mut socket: std::net::TcpStream) -> String {
    let (mut said, mut piece) = (Vec::new(), [0; 4096]);
    let _ = socket.set_read_timeout(Some(Duration::from_secs(5)));
    loop {
        let text = String::from_utf8_lossy(&said);
        let length = text
            .to_lowercase()
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
        if body.zip(length).is_some_and(|(came, length): (usize, usize)| came >= length) {
            break;
        }
        match socket.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(count) => said.extend_from_slice(&piece[..count]),
        }
    }
    let _ =
        socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn what_cannot_be_used_is_told_at_the_start() {
    // Were it not refused, this would end it.
    let serve = ["serve", "--contract", "/nowhere", "--database", "postgres://127.0.0.1:1/none"];
    for (setting, says) in [
        ("telemetry.endpoint=nonsense", "telemetry.endpoint \"nonsense\" cannot be used"),
        ("telemetry.sentry_dsn=nonsense", "telemetry.sentry_dsn cannot be used"),
        ("telemetry.traces_ratio=2", "telemetry.traces_ratio: 2 is outside 0.0..=1.0"),
        ("telemetry.tls_authorities=/nowhere", "cannot read /nowhere"),
    ] {
        let output =
            crate::support::rowcall().args(serve).args(["--set", setting]).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(says), "{setting}: {said}");
    }
}
