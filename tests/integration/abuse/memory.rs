//! What a process of its own has resident, while it is asked for too much.

use std::io::Write as _;

use super::wire::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, RST_STREAM, Raw, call,
    frame, header, message,
};
use crate::grpc::served::GET;
use crate::support::{CHINOOK, CHINOOK_CONTRACT, Served, database};

/// More than allocators and threads take for themselves, less than any of these would take unbounded.
const GROWTH_BYTES_MAX: u64 = 64 << 20;
const CALLS: u32 = 32;

/// A header block, in as many frames as it takes.
fn block(stream: u32, headers: &[u8]) -> Vec<u8> {
    let pieces: Vec<&[u8]> = headers.chunks(16_000).collect();
    let frames = pieces.iter().enumerate().map(|(at, piece)| {
        let kind = if at == 0 { HEADERS } else { CONTINUATION };
        let flags = if at + 1 == pieces.len() { END_HEADERS } else { 0 };
        frame(kind, flags, stream, piece)
    });
    frames.collect::<Vec<_>>().concat()
}

/// A message whose five bytes before it say something else than it is.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packed = message(bytes);
    packed[0] = 1;
    packed
}

/// Every call of these is answered, or left by a server that has had enough of all of them.
async fn each_is_answered(served: &Served, calls: impl Iterator<Item = (u32, Vec<u8>)>) {
    let mut raw = Raw::open(served.address.parse().unwrap()).await;
    for (stream, bytes) in calls {
        assert!(raw.send(&bytes).await, "stream {stream}");
        let ended = raw.reads.find(|frame| {
            let over = frame.flags & END_STREAM != 0 && matches!(frame.kind, HEADERS | DATA);
            frame.kind == GOAWAY || frame.stream == stream && (over || frame.kind == RST_STREAM)
        });
        let ended = ended.await.unwrap_or_else(|| panic!("stream {stream} has no end"));
        if ended.kind == GOAWAY {
            assert_eq!(ended.reason(), ENHANCE_YOUR_CALM);
            raw = Raw::open(served.address.parse().unwrap()).await;
        }
    }
}

/// Stream numbers that begin anew on each connection would be taken for old ones: one call on each.
async fn each_ends_its_connection(served: &Served, bytes: Vec<u8>) {
    for _ in 0..CALLS {
        let mut raw = Raw::open(served.address.parse().unwrap()).await;
        raw.send(&bytes).await;
        raw.reads.find(|frame| matches!(frame.kind, GOAWAY | RST_STREAM | HEADERS)).await;
    }
}

fn calls(headers: Vec<u8>, body: Vec<u8>) -> impl Iterator<Item = (u32, Vec<u8>)> {
    (0..CALLS).map(move |call| {
        let stream = call * 2 + 1;
        let data: Vec<u8> = body.chunks(16_000).flat_map(|piece| frame(DATA, 0, stream, piece)).collect();
        (stream, [block(stream, &headers), data].concat())
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn it_grows_with_none_of_these() {
    let database = database(CHINOOK).await;
    let contract = format!("{}/{CHINOOK_CONTRACT}", env!("CARGO_MANIFEST_DIR"));
    let served = Served::start(&["--contract", &contract, "--database", &database.url]);
    let of_encoding = |name: &str| [call(GET), header("grpc-encoding", name)].concat();
    let mut many = call(GET);
    many.extend(header("a", "").repeat(100_000));
    let long = [call(GET), header("a", &"x".repeat(4 << 20))].concat();
    let zeros = vec![0; 64 << 20];
    let announced = b"\0\xff\xff\xff\xff0123456789".to_vec();

    // What it takes to answer at all is no growth.
    each_is_answered(&served, calls(call(GET), announced.clone())).await;
    let before = served.resident_bytes();
    let flat = |what: &str| {
        let now = served.resident_bytes();
        assert!(now < before + GROWTH_BYTES_MAX, "{what}: from {before} to {now} bytes");
    };

    each_is_answered(&served, calls(call(GET), announced)).await;
    flat("messages that are announced");
    each_is_answered(&served, calls(of_encoding("gzip"), packed(&gzip(&zeros)))).await;
    flat("gzip bombs");
    let zstd = zstd::encode_all(&zeros[..], 19).unwrap();
    each_is_answered(&served, calls(of_encoding("zstd"), packed(&zstd))).await;
    flat("zstd bombs");
    each_ends_its_connection(&served, block(1, &many)).await;
    flat("calls with 100,000 headers");
    each_ends_its_connection(&served, block(1, &long)).await;
    flat("headers of 4 MiB");
    let unknown = (0..10_000).map(|call_number| {
        let stream = call_number * 2 + 1;
        let path = format!("/chinook.v1.ChinookService/Get{call_number}{}", "Track".repeat(80));
        (stream, frame(HEADERS, END_HEADERS | END_STREAM, stream, &call(&path)))
    });
    each_is_answered(&served, unknown).await;
    flat("10,000 unknown methods");
}
