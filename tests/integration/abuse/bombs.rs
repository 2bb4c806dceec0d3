//! Requests that are small to send and large to read.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use tonic::Code;
use tonic::Request;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::transport::Endpoint;

use crate::grpc::served::{self, GET};
use crate::support::{CHINOOK, CHINOOK_CONTRACT, Local, database, serve};

/// Far more than it takes on a busy machine, and far less than it would take to follow what they ask.
const AT_ONCE: Duration = Duration::from_secs(10);
const MIB: usize = 1 << 20;

async fn is_refused(local: &Local, method: &str, request: Value, what: &str) {
    let began = Instant::now();
    let failure = local.client.call(method, request).await.expect_err(what);
    assert_eq!(failure.code, Code::InvalidArgument, "{what}: {}", failure.message);
    assert!(failure.message.len() < 2_000, "{what}: said in {} bytes", failure.message.len());
    assert!(began.elapsed() < AT_ONCE, "{what} took {:?}", began.elapsed());
}

fn filters() -> Vec<(&'static str, String)> {
    let nested =
        |open: &str, close: &str, times: usize| format!("{}title{}", open.repeat(times), close.repeat(times));
    vec![
        ("parentheses", nested("(", ")", MIB / 2)),
        ("parentheses that stay open", "(".repeat(MIB)),
        ("negations", nested("NOT ", "", MIB / 4)),
        ("negations in parentheses", nested("NOT (", ")", MIB / 6)),
        ("minuses", nested("-", "", MIB)),
        ("minuses in parentheses", nested("-(", ")", MIB / 3)),
        ("functions in functions", nested("f(", ")", MIB / 3)),
        ("values in parentheses", format!("title = {}", nested("(", ")", MIB / 2))),
        ("terms", "title = \"a\" OR ".repeat(60_000) + "title = \"a\""),
        ("terms that are joined by nothing", "title ".repeat(MIB / 6)),
        ("a path", "title.".repeat(MIB / 6) + "title"),
        ("a word", "x".repeat(MIB)),
        ("a string", format!("title > \"{}\" AND nothing = 1", "x".repeat(MIB))),
        ("an open string", format!("title = \"{}", "\\u00e9".repeat(MIB / 6))),
        ("stars", "*".repeat(MIB)),
        ("quotes", "\"".repeat(MIB + 1)),
        ("numbers", format!("track_id = {}", "9".repeat(MIB))),
        ("operators", "=".repeat(MIB)),
        ("dots", ".".repeat(MIB)),
        ("commas", ",".repeat(MIB)),
    ]
}

#[tokio::test]
async fn filter_bombs_are_refused_at_once() {
    let database = database(CHINOOK).await;
    let local = serve(CHINOOK_CONTRACT, &database.url, &[]).await;
    for (what, filter) in filters() {
        is_refused(&local, "ListTracks", json!({ "filter": filter }), what).await;
    }
}

#[tokio::test]
async fn filter_bombs_are_refused_at_once_where_filters_may_be_long() {
    let database = database(CHINOOK).await;
    let local = serve(CHINOOK_CONTRACT, &database.url, &[("limits.filter_bytes_max", "2MiB")]).await;
    for (what, filter) in filters() {
        is_refused(&local, "ListTracks", json!({ "filter": filter }), what).await;
    }
}

#[tokio::test]
async fn other_fields_of_a_mebibyte_are_refused_at_once() {
    let database = database(CHINOOK).await;
    let local = serve(CHINOOK_CONTRACT, &database.url, &[]).await;
    let long = "x".repeat(MIB);
    let names: Vec<String> = (0..100_000).map(|row| format!("tracks/{row}")).collect();
    let bombs = [
        ("ListTracks", json!({ "order_by": &long }), "a long order"),
        ("ListTracks", json!({ "order_by": "title,".repeat(MIB / 6) + "title" }), "an order of many terms"),
        ("ListTracks", json!({ "page_token": &long }), "a long token"),
        ("GetTrack", json!({ "name": &long }), "a long name"),
        ("GetTrack", json!({ "name": "/".repeat(MIB) }), "a name of slashes"),
        ("GetTrack", json!({ "name": "tracks/1", "read_mask": &long }), "a long mask"),
        ("GetTrack", json!({ "name": "tracks/1", "read_mask": "x,".repeat(MIB / 16) + "y" }), "a wide mask"),
        ("GetTrack", json!({ "name": "tracks/1", "read_mask": "x.".repeat(MIB / 2) + "y" }), "a deep mask"),
        ("BatchGetTracks", json!({ "names": names }), "many names"),
        ("BatchGetTracks", json!({ "names": [&long] }), "a long name among names"),
    ];
    for (method, request, what) in bombs {
        is_refused(&local, method, request, what).await;
    }
}

#[tokio::test]
async fn messages_no_decoder_should_follow_are_refused() {
    let database = database(CHINOOK).await;
    let local = serve(CHINOOK_CONTRACT, &database.url, &[]).await;
    let channel = Endpoint::try_from(format!("http://{}", local.serving.address())).unwrap().connect_lazy();
    // Groups of a field nobody knows, each inside of the other (wire types 3 and 4).
    let groups = [[0xa3, 0x06].repeat(100_000), [0xa4, 0x06].repeat(100_000)].concat();
    let open_groups = [0xa3, 0x06].repeat(1_000_000);
    // Messages in messages, by their lengths.
    let nested = (0..10_000).fold(Vec::new(), |inner: Vec<u8>, _| {
        let mut outer = vec![0x12];
        prost::encoding::encode_varint(inner.len() as u64, &mut outer);
        outer.extend(inner);
        outer
    });
    let no_text = b"\x0a\x0atracks/\xff\xfe\xfd".to_vec();
    let endless = [&b"\x0a"[..], &[0xff; 10]].concat();
    for (what, bytes) in
        [("groups", groups), ("open groups", open_groups), ("no UTF-8", no_text), ("a length", endless)]
    {
        let status = served::unary(Grpc::new(channel.clone()), GET, Request::new(Bytes::from(bytes))).await;
        let status = status.expect_err(what);
        assert_eq!(status.code(), Code::InvalidArgument, "{what}: {}", status.message());
    }
    // What it is read as, the next call is answered.
    let _ = served::unary(Grpc::new(channel), GET, Request::new(Bytes::from(nested))).await;
    local.client.call("GetTrack", json!({ "name": "tracks/1" })).await.expect("others are answered");
}

#[tokio::test]
async fn what_is_too_large_once_it_is_unpacked_is_refused() {
    let served = served::serve(served::settings()).await;
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        let request = Request::new(Bytes::from(vec![b' '; 64 * MIB]));
        let client = served.client().send_compressed(encoding);
        let status = served::unary(client, GET, request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{encoding:?}: {}", status.message());
        assert!(status.message().contains("larger than 4194304 bytes"), "{}", status.message());
    }
    assert_eq!(served.get("hello").await.unwrap().into_inner(), "hello");
}
