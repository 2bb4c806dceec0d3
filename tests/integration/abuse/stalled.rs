//! Callers that ask and do not take the answers.

use std::sync::Arc;
use std::time::Duration;

use rowcall::grpc::Settings;
use tokio::time::interval;

use super::bystander::Bystander;
use super::wire::{ACK, DATA, END_STREAM, HEADERS, PING, Raw, WINDOW_UPDATE, frame, whole};
use crate::grpc::served::{GET, serve, settings};

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(3_600);
/// SETTINGS_INITIAL_WINDOW_SIZE, and the largest there is.
const WINDOW: (u16, u32) = (4, (1 << 31) - 1);

fn only_stalls() -> Settings {
    Settings { stall_max: SHORT, idle_max: LONG, frame_max: LONG, ..settings() }
}

#[tokio::test]
async fn a_caller_that_reads_nothing_is_closed() {
    let served = Arc::new(serve(only_stalls()).await);
    let bystander = Bystander::of(&served).await;
    let mut raw = Raw::open_with(served.address, &[WINDOW]).await;
    let mut calls = frame(WINDOW_UPDATE, 0, 0, &(1u32 << 30).to_be_bytes());
    for call in 0..20 {
        calls.extend(whole(GET, call * 2 + 1, b"size 4000000"));
    }
    assert!(raw.send(&calls).await);
    // The socket's buffers fill, and then nothing is taken: both we and the kernel (TCP_USER_TIMEOUT)
    // give it up. Only a write tells that it is closed.
    let mut beat = interval(Duration::from_millis(10));
    while raw.send(&frame(PING, 0, 0, &[0; 8])).await {
        beat.tick().await;
    }
    bystander.was_answered().await;
}

#[tokio::test]
async fn a_caller_that_opens_no_window_is_closed() {
    let served = Arc::new(serve(only_stalls()).await);
    let bystander = Bystander::of(&served).await;
    let mut raw = Raw::open(served.address).await;
    assert!(raw.send(&whole(GET, 1, b"size 1000000")).await);
    raw.reads.end().await;
    bystander.was_answered().await;
}

#[tokio::test]
async fn calls_wait_while_their_connection_owes_too_much() {
    let served = serve(Settings { answers_bytes_max: 100_000, ..settings() }).await;
    let mut raw = Raw::open(served.address).await;
    assert!(raw.send(&whole(GET, 1, b"size 1000000")).await);
    assert!(raw.reads.find(|frame| frame.kind == DATA).await.is_some());
    assert!(raw.send(&whole(GET, 3, b"hang")).await);
    for _ in 0..20 {
        assert!(raw.send(&frame(PING, 0, 0, b"was read")).await);
        assert!(raw.reads.find(|frame| (frame.kind, frame.flags) == (PING, ACK)).await.is_some());
    }
    assert_eq!(*served.script.hanging.borrow(), 0, "the call has not begun");
    // The caller takes what it is owed, and its next call begins.
    for stream in [0, 1] {
        assert!(raw.send(&frame(WINDOW_UPDATE, 0, stream, &1_000_000u32.to_be_bytes())).await);
    }
    let ended = raw.reads.find(|frame| frame.flags & END_STREAM != 0 && frame.kind == HEADERS).await;
    assert_eq!(ended.unwrap().stream, 1, "the first call's trailers");
    served.script.hanging_are(1).await;
}
