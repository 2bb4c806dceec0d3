//! Answers that their callers do not read: kept for a while, and let go.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rowcall::grpc::Settings;
use rowcall::wire::Payload;
use tokio::net::TcpStream;
use tonic::Code;

use super::served::{GET, STREAM, Served, serve, settings};

/// Larger than the windows of any caller here.
const LARGE: &str = "size 16000000";

/// A caller that reads what it wants of an answer.
async fn caller(served: &Served) -> SendRequest<Full<Bytes>> {
    let socket = TokioIo::new(TcpStream::connect(served.address).await.unwrap());
    let (sender, connection) = handshake(TokioExecutor::new(), socket).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// The answer to a request, unread.
async fn ask(caller: &mut SendRequest<Full<Bytes>>, path: &str, request: &'static str) -> Incoming {
    let message = Payload::of(request.as_bytes()).frame();
    let request = http::Request::post(format!("http://rowcall{path}"))
        .header("content-type", "application/grpc")
        .body(Full::new(message))
        .unwrap();
    let response = caller.send_request(request).await.unwrap();
    assert!(response.headers().get("grpc-status").is_none(), "{:?}", response.headers());
    response.into_body()
}

/// How many bytes there are before the end, and whether that is the answer's own.
async fn rest(mut body: Incoming) -> (usize, bool) {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes += frame.data_ref().map_or(0, Bytes::len),
            Err(_) => return (bytes, false),
        }
    }
    (bytes, true)
}

#[tokio::test]
async fn an_answer_nobody_reads_is_let_go_and_its_place_with_it() {
    for path in [GET, STREAM] {
        let unread_max = Duration::from_millis(300);
        let served = serve(Settings { unread_max, calls_max: 1, ..settings() }).await;
        let mut caller = caller(&served).await;
        let asked = Instant::now();
        let unread = ask(&mut caller, path, LARGE).await;
        loop {
            match served.get("hello").await {
                Ok(_) => break,
                // The one place there is belongs to who does not read.
                Err(status) => assert_eq!(status.code(), Code::ResourceExhausted),
            }
            assert!(asked.elapsed() < Duration::from_secs(20), "{path}: the answer is still kept");
        }
        assert!(asked.elapsed() >= unread_max / 2, "{path}: it was let go at once");
        let (bytes, whole) = rest(unread).await;
        assert!(!whole && bytes < 16_000_000, "{path}: {bytes} bytes");
    }
}

#[tokio::test]
async fn who_reads_on_gets_all_of_it_however_slowly() {
    for path in [GET, STREAM] {
        let unread_max = Duration::from_secs(1);
        let served = serve(Settings { unread_max, ..settings() }).await;
        let mut caller = caller(&served).await;
        let mut body = ask(&mut caller, path, LARGE).await;
        let (asked, mut bytes) = (Instant::now(), 0);
        // Twice as long in all as an answer may lie unread.
        let slowly = |bytes: usize| (2 * unread_max).mul_f64(bytes as f64 / 16_000_000.0);
        while let Some(frame) = body.frame().await {
            let frame = frame.unwrap_or_else(|error| panic!("{path}: {error} after {bytes} bytes"));
            bytes += frame.data_ref().map_or(0, Bytes::len);
            while asked.elapsed() < slowly(bytes) {
                served.get("hello").await.unwrap();
            }
        }
        assert_eq!(bytes, 16_000_005, "{path}");
        assert!(asked.elapsed() >= 2 * unread_max, "{path}: it was not slow");
    }
}
