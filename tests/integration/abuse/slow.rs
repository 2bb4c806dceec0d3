//! Callers that begin and do not go on, and callers that go on a byte at a time.

use std::time::Duration;

use rowcall::grpc::Settings;
use tokio::time::{Instant, interval};

use super::bystander::Bystander;
use super::wire::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, Raw, SETTINGS, call, frame, header,
    message, whole,
};
use crate::grpc::served::{GET, serve, settings};

const SHORT: Duration = Duration::from_millis(100);
/// Enough for whoever does at once what is asked of him, on a busy machine.
const ENOUGH: Duration = Duration::from_secs(1);
/// What is not tested is waited for without end.
const LONG: Duration = Duration::from_secs(3_600);
const TRICKLE: Duration = Duration::from_millis(10);

fn only_handshake() -> Settings {
    Settings { handshake_max: SHORT, ..only_frames_at(LONG) }
}

fn only_frames_at(frame_max: Duration) -> Settings {
    let (handshake_max, request_max) = (LONG, LONG);
    Settings { handshake_max, frame_max, request_max, idle_max: LONG, stall_max: LONG, ..settings() }
}

/// Sends these bytes one by one; returns how many were taken before the connection ended.
async fn trickle(raw: Raw, bytes: &[u8]) -> usize {
    let Raw { mut reads, mut writes } = raw;
    let mut beat = interval(TRICKLE);
    let trickled = async {
        for (sent, byte) in bytes.iter().enumerate() {
            beat.tick().await;
            if tokio::io::AsyncWriteExt::write_all(&mut writes, &[*byte]).await.is_err() {
                return sent;
            }
        }
        bytes.len()
    };
    tokio::pin!(trickled);
    tokio::select! {
        sent = &mut trickled => sent,
        _ = reads.end() => 0,
    }
}

#[tokio::test]
async fn a_connection_that_does_not_begin_is_closed_however_far_it_came() {
    let served = serve(only_handshake()).await;
    let settings = frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 1]);
    for begun in [&PREFACE[..1], &PREFACE[..23], PREFACE, &[PREFACE, &settings[..8]].concat()] {
        let mut raw = Raw::connect(served.address).await;
        assert!(raw.send(begun).await);
        raw.reads.end().await;
    }
    let bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[0; 6_000])].concat();
    assert!(trickle(Raw::connect(served.address).await, &bytes).await < bytes.len());
}

#[tokio::test]
async fn a_connection_that_began_is_no_more_waited_for() {
    let served = serve(Settings { handshake_max: ENOUGH, ..only_handshake() }).await;
    let mut begun = Raw::open(served.address).await;
    // Another, which does not, is closed after it: then the time of the first is over as well.
    let mut silent = Raw::connect(served.address).await;
    silent.reads.end().await;
    assert!(begun.send(&whole(GET, 1, b"hello")).await);
    assert!(begun.reads.find(|frame| frame.stream == 1).await.is_some());
}

#[tokio::test]
async fn a_frame_that_does_not_end_closes_its_connection_and_no_other() {
    let served = std::sync::Arc::new(serve(only_frames_at(SHORT)).await);
    let bystander = Bystander::of(&served).await;
    let data = frame(DATA, 0, 1, &[0; 16_000]);
    let headers = frame(HEADERS, END_HEADERS, 1, &call(GET));
    let unended = frame(HEADERS, 0, 1, &call(GET));
    for begun in [&data[..1], &headers[..20], &unended, &[&headers[..], &data[..9]].concat()] {
        let mut raw = Raw::open(served.address).await;
        assert!(raw.send(begun).await);
        raw.reads.end().await;
    }
    let mut raw = Raw::open(served.address).await;
    assert!(raw.send(&headers).await);
    assert!(trickle(raw, &data).await < data.len(), "a byte at a time is no frame either");
    bystander.was_answered().await;
}

#[tokio::test]
async fn a_request_that_does_not_arrive_ends_its_call_and_not_its_connection() {
    let served = serve(Settings { request_max: SHORT, ..only_frames_at(LONG) }).await;
    for path in [GET, "/chinook.v1.ChinookService/StreamTracks", "/grpc.health.v1.Health/Check"] {
        let mut raw = Raw::open(served.address).await;
        let half = &message(b"hello")[..7];
        let begun = [frame(HEADERS, END_HEADERS, 1, &call(path)), frame(DATA, 0, 1, half)].concat();
        assert!(raw.send(&begun).await);
        let answered = raw.reads.find(|frame| frame.kind == HEADERS).await.unwrap();
        assert_eq!((answered.stream, answered.flags & END_STREAM), (1, END_STREAM), "{path}");
        assert!(raw.send(&whole(GET, 3, b"hello")).await);
        assert!(raw.reads.find(|frame| frame.stream == 3 && frame.flags & END_STREAM != 0).await.is_some());
    }
}

#[tokio::test]
async fn the_deadline_bounds_the_wait_for_a_request() {
    let served = serve(only_frames_at(LONG)).await;
    let mut raw = Raw::open(served.address).await;
    let headers = [call(GET), header("grpc-timeout", "50m")].concat();
    assert!(raw.send(&frame(HEADERS, END_HEADERS, 1, &headers)).await);
    let answered = raw.reads.find(|frame| frame.kind == HEADERS).await.unwrap();
    assert_eq!((answered.stream, answered.flags & END_STREAM), (1, END_STREAM));
}

#[tokio::test]
async fn a_connection_without_calls_is_asked_to_go_and_one_with_calls_is_not() {
    let served = serve(Settings { idle_max: ENOUGH, ..only_frames_at(LONG) }).await;
    let mut busy = Raw::open(served.address).await;
    assert!(busy.send(&whole(GET, 1, b"hold")).await);
    served.script.hanging_are(1).await;
    let began = Instant::now();
    let mut idle = Raw::open(served.address).await;
    let told = idle.reads.find(|frame| frame.kind == GOAWAY).await.unwrap();
    assert_eq!(told.reason(), 0);
    assert!(began.elapsed() >= ENOUGH);
    // The other one has been open for longer.
    served.script.release.send_replace(true);
    let first = busy.reads.find(|frame| matches!(frame.kind, GOAWAY | HEADERS)).await.unwrap();
    assert_eq!((first.kind, first.stream), (HEADERS, 1));
    let told = busy.reads.find(|frame| frame.kind == GOAWAY).await.unwrap();
    assert_eq!(told.reason(), 0);
}

#[tokio::test]
async fn a_connection_that_answers_no_ping_is_closed() {
    let served =
        serve(Settings { keepalive_interval: SHORT, keepalive_timeout: SHORT, ..only_frames_at(LONG) }).await;
    let mut raw = Raw::open(served.address).await;
    assert!(raw.reads.find(|frame| frame.kind == PING).await.is_some());
    raw.reads.end().await;
}
