//! gzip and zstd, by message.

use bytes::{Buf as _, Bytes};
use http_body_util::BodyExt as _;
use rowcall::grpc::{Compression, Settings};
use tonic::client::GrpcService as _;
use tonic::codec::CompressionEncoding;

use super::served::{GET, STREAM, Served, serve, settings, streaming, unary, with};

fn on_loopback() -> Settings {
    Settings { compression: Compression { loopback: true, ..Compression::default() }, ..settings() }
}

/// `grpc-encoding`, and of every message its flag and its length on the wire.
async fn raw(
    served: &Served,
    path: &str,
    request: &str,
    accepted: &str,
) -> (Option<String>, Vec<(u8, usize)>) {
    let mut frame = vec![0];
    frame.extend((request.len() as u32).to_be_bytes());
    frame.extend(request.as_bytes());
    let request = http::Request::post(format!("http://{}{path}", served.address))
        .header("content-type", "application/grpc")
        .header("grpc-accept-encoding", accepted)
        .body(tonic::body::Body::new(http_body_util::Full::new(Bytes::from(frame))))
        .unwrap();
    let mut channel = served.channel.clone();
    std::future::poll_fn(|context| channel.poll_ready(context)).await.unwrap();
    let response = channel.call(request).await.unwrap();
    let encoding = response.headers().get("grpc-encoding").map(|value| value.to_str().unwrap().to_owned());
    let mut body = response.into_body().collect().await.unwrap().to_bytes();
    let mut messages = Vec::new();
    while body.has_remaining() {
        let (flag, len) = (body.get_u8(), body.get_u32() as usize);
        body.advance(len);
        messages.push((flag, len));
    }
    (encoding, messages)
}

#[tokio::test]
async fn messages_are_compressed_by_their_size() {
    let served = serve(on_loopback()).await;
    for encoding in ["gzip", "zstd"] {
        let (said, messages) = raw(&served, STREAM, "size 100\nsize 5000\nsize 200000", encoding).await;
        assert_eq!(said.as_deref(), Some(encoding));
        assert_eq!(messages[0], (0, 100));
        assert!(messages[1].0 == 1 && messages[1].1 < 100, "{messages:?}");
        assert!(messages[2].0 == 1 && messages[2].1 < 5_000, "{messages:?}");
    }
}

#[tokio::test]
async fn who_accepts_nothing_gets_it_plain() {
    let served = serve(on_loopback()).await;
    assert_eq!(raw(&served, GET, "size 5000", "identity,snappy").await, (None, vec![(0, 5_000)]));
}

#[tokio::test]
async fn callers_on_loopback_get_it_plain() {
    let served = serve(settings()).await;
    assert_eq!(raw(&served, GET, "size 5000", "gzip").await, (None, vec![(0, 5_000)]));
}

#[tokio::test]
async fn a_client_reads_what_it_asked_for() {
    let served = serve(on_loopback()).await;
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        let client = served.client().accept_compressed(encoding);
        let response = unary(client.clone(), GET, with("size 5000", &[])).await.unwrap();
        assert_eq!(response.into_inner().len(), 5_000);
        let mut messages =
            streaming(client, STREAM, with("size 3\nsize 70000", &[])).await.unwrap().into_inner();
        assert_eq!(messages.message().await.unwrap().unwrap().len(), 3);
        assert_eq!(messages.message().await.unwrap().unwrap().len(), 70_000);
    }
}

#[tokio::test]
async fn compressed_requests_are_read() {
    let served = serve(settings()).await;
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        let client = served.client().send_compressed(encoding);
        assert_eq!(unary(client, GET, with("hello", &[])).await.unwrap().into_inner(), "hello");
    }
}
