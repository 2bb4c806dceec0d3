//! How connections and the server end.

use std::time::Duration;

use rowcall::grpc::Settings;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tonic::Code;

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
    let served = serve(Settings { drain_grace: Duration::from_millis(50), ..settings() }).await;
    let held = served.get("hang");
    let drained = async {
        served.script.hanging_are(1).await;
        served.drain.cancel();
    };
    let (held, ()) = tokio::join!(held, drained);
    assert!(held.is_err());
    served.script.hanging_are(0).await;
    served.end.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_is_too_old_goes_and_its_calls_end_first() {
    let age_max = Duration::from_millis(20);
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

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let served = serve(Settings { handshake_max: Duration::from_millis(30), ..settings() }).await;
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(socket.read(&mut [0; 64]).await.unwrap(), 0);
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_as_they_come() {
    let served = serve(Settings { connections_max: 1, ..settings() }).await;
    assert_eq!(served.get("hello").await.unwrap().into_inner(), "hello");
    let mut second = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(second.read(&mut [0; 64]).await.unwrap(), 0);
    assert_eq!(served.get("hello").await.unwrap().into_inner(), "hello");
}

#[tokio::test]
async fn metadata_over_the_limit_is_refused() {
    let served = serve(Settings { headers_bytes_max: 2_048, ..settings() }).await;
    let long = "x".repeat(4_000);
    let status = served.get_with("hello", &[("x-long", &long)]).await.unwrap_err();
    assert_ne!(status.code(), Code::Ok);
    assert_eq!(served.get("hello").await.unwrap().into_inner(), "hello");
}
