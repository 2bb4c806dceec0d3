//! How connections and the server end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rowcall::grpc::Settings;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Code;
use tonic::body::Body;

use super::served::{GET, STREAM, serve, settings, streaming, unary, with};

#[tokio::test]
async fn a_drain_lets_calls_end_and_takes_no_new_ones() {
    let served = serve(settings()).await;
    let held = served.get("hold");
    let drained = async {
        served.script.hanging_are(1).await;
        served.drain.cancel();
        // The listener is closed before the calls have ended.
        while TcpStream::connect(served.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        served.script.release.send_replace(true);
    };
    let (held, ()) = tokio::join!(held, drained);
    assert_eq!(held.unwrap().into_inner(), "released");
    served.end.await.unwrap();
}

#[tokio::test]
async fn what_outlasts_the_grace_is_cut_off() {
    let (drain_grace, deadline_default) = (Duration::from_millis(50), PATIENCE * 2);
    let served = serve(Settings { drain_grace, deadline_default, ..settings() }).await;
    let held = timeout(PATIENCE, served.get("hang"));
    let drained = async {
        served.script.hanging_are(1).await;
        served.drain.cancel();
    };
    let (held, ()) = tokio::join!(held, drained);
    assert!(held.expect("it is cut off").is_err());
    served.script.hanging_are(0).await;
    served.end.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_is_too_old_goes_and_its_calls_end_first() {
    let age_max = Duration::from_secs(1);
    let served = serve(Settings { age_max, age_jitter: Duration::ZERO, ..settings() }).await;
    let client = served.bare().await;
    let request = with("one\nhold\nlast", &[]);
    let mut messages = streaming(client.clone(), STREAM, request).await.unwrap().into_inner();
    assert_eq!(messages.message().await.unwrap().unwrap(), "one");
    served.script.hanging_are(1).await;
    // Until the connection takes no more calls.
    while unary(client.clone(), GET, with("hello", &[])).await.is_ok() {}
    served.script.release.send_replace(true);
    assert_eq!(messages.message().await.unwrap().unwrap(), "released");
    assert_eq!(messages.message().await.unwrap().unwrap(), "last");
    assert!(messages.message().await.unwrap().is_none());
    assert_eq!(served.get("hello").await.unwrap().into_inner(), "hello");
}

/// What a test waits for on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// How old a connection without calls becomes.
async fn age(address: SocketAddr) -> Duration {
    let opened = Instant::now();
    let socket = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (_calls, connection) = handshake::<_, _, Body>(TokioExecutor::new(), socket).await.unwrap();
    // A client's connection without calls ends when it is told to go.
    timeout(PATIENCE, connection).await.expect("it is told to go").unwrap();
    opened.elapsed()
}

#[tokio::test]
async fn connections_that_came_together_do_not_go_together() {
    let (age_max, age_jitter) = (Duration::from_millis(100), Duration::from_secs(1));
    let served = serve(Settings { age_max, age_jitter, ..settings() }).await;
    let mut ages = join_all((0..24).map(|_| age(served.address))).await;
    ages.sort();
    assert!(ages[0] >= age_max, "{ages:?}");
    // All of them by chance within a third: once in thousands of millions.
    assert!(ages[23] - ages[0] >= age_jitter / 3, "{ages:?}");
}

#[tokio::test]
async fn a_call_that_outlasts_the_grace_of_an_old_connection_is_cut_off() {
    let (age_max, age_grace) = (Duration::from_secs(1), Duration::from_millis(250));
    let deadline_default = PATIENCE * 2;
    let served =
        serve(Settings { age_max, age_jitter: Duration::ZERO, age_grace, deadline_default, ..settings() })
            .await;
    let begun = Instant::now();
    let client = served.bare().await;
    let held = unary(client, GET, with("hang", &[]));
    let status = timeout(PATIENCE, held).await.expect("it is cut off").unwrap_err();
    assert!(begun.elapsed() >= age_max + age_grace, "{:?}", begun.elapsed());
    assert_ne!(status.code(), Code::Ok);
    // Nobody works for it any more, and the next connection is as good as any.
    timeout(PATIENCE, served.script.hanging_are(0)).await.expect("it is let go");
    assert_eq!(served.get("hello").await.unwrap().into_inner(), "hello");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let served = serve(Settings { handshake_max: Duration::from_millis(30), ..settings() }).await;
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(socket.read(&mut [0; 64]).await.unwrap(), 0);
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_as_they_come() {
    let served = serve(Settings { connections_max: 1, ..settings() }).await;
    let first = served.bare().await;
    let hello = async || unary(first.clone(), GET, with("hello", &[])).await;
    assert_eq!(hello().await.unwrap().into_inner(), "hello");
    for _ in 0..100 {
        let mut further = TcpStream::connect(served.address).await.unwrap();
        assert!(matches!(further.read(&mut [0; 64]).await, Ok(0) | Err(_)));
    }
    assert_eq!(hello().await.unwrap().into_inner(), "hello");
    drop(first);
    // The place is free once the server has seen the first go.
    while served.get("hello").await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn metadata_over_the_limit_is_refused() {
    let served = serve(Settings { headers_bytes_max: 2_048, ..settings() }).await;
    let long = "x".repeat(4_000);
    let status = served.get_with("hello", &[("x-long", &long)]).await.unwrap_err();
    assert_ne!(status.code(), Code::Ok);
    assert_eq!(served.get("hello").await.unwrap().into_inner(), "hello");
}
