//! Frames that cost their sender nothing, as many as it can send.

use std::sync::Arc;

use rowcall::grpc::Settings;

use super::bystander::Bystander;
use super::wire::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PING, PRIORITY, RST_STREAM,
    Raw, SETTINGS, WINDOW_UPDATE, call, frame, header, setting, whole,
};
use crate::grpc::served::{GET, serve, settings};

/// More than anybody may send; the connection ends long before.
const FLOOD: usize = 1_000_000;

/// Few are enough, so that a test is short.
fn strict() -> Settings {
    Settings { control_frames_per_second: 100, resets_per_second: 100, ..settings() }
}

async fn is_told_to_calm_down(before: &[u8], flood: Vec<u8>) {
    let served = Arc::new(serve(strict()).await);
    let bystander = Bystander::of(&served).await;
    let mut raw = Raw::open(served.address).await;
    assert!(raw.send(before).await);
    let end = raw.flood(flood, FLOOD).await;
    assert!(end.sent < FLOOD, "all {} were taken", end.sent);
    // Who closes a socket with bytes unread may take back the last it said.
    assert!(matches!(end.reason, None | Some(ENHANCE_YOUR_CALM)), "{end:?}");
    bystander.was_answered().await;
    served.script.hanging_are(0).await;
}

#[tokio::test]
async fn pings_without_end_end_the_connection() {
    is_told_to_calm_down(&[], frame(PING, 0, 0, &[7; 8])).await;
}

#[tokio::test]
async fn answers_to_pings_nobody_sent_end_it() {
    is_told_to_calm_down(&[], frame(PING, ACK, 0, &[7; 8])).await;
}

#[tokio::test]
async fn settings_without_end_end_it() {
    // Each changes the window of every stream there is.
    let settings = [frame(SETTINGS, 0, 0, &setting(4, 1)), frame(SETTINGS, 0, 0, &setting(4, 2))].concat();
    is_told_to_calm_down(&whole(GET, 1, b"hang"), settings).await;
}

#[tokio::test]
async fn windows_opened_byte_by_byte_end_it() {
    is_told_to_calm_down(&[], frame(WINDOW_UPDATE, 0, 0, &1u32.to_be_bytes())).await;
}

#[tokio::test]
async fn priorities_and_frames_nobody_knows_end_it() {
    is_told_to_calm_down(&[], frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])).await;
    is_told_to_calm_down(&[], frame(0xbe, 0, 0, b"")).await;
}

#[tokio::test]
async fn empty_data_without_end_ends_it() {
    let headers = frame(HEADERS, END_HEADERS, 1, &call(GET));
    is_told_to_calm_down(&headers, frame(DATA, 0, 1, b"")).await;
}

#[tokio::test]
async fn headers_that_go_on_without_end_end_it() {
    let headers = frame(HEADERS, 0, 1, &call(GET));
    is_told_to_calm_down(&headers, frame(CONTINUATION, 0, 1, &header("x-more", &"x".repeat(1_000)))).await;
    is_told_to_calm_down(&headers, frame(CONTINUATION, 0, 1, b"")).await;
}

/// A hundred thousand calls, each left as soon as it is made.
fn left_calls(request: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let cancel = 8u32.to_be_bytes();
    (0..100_000).map(move |call| {
        let stream = call * 2 + 1;
        [whole(GET, stream, request), frame(RST_STREAM, 0, stream, &cancel)].concat()
    })
}

#[tokio::test]
async fn calls_that_are_left_at_once_end_the_connection_and_leave_nothing_behind() {
    let served = Arc::new(serve(strict()).await);
    let bystander = Bystander::of(&served).await;
    let Raw { mut reads, mut writes } = Raw::open(served.address).await;
    let flood = async {
        let mut sent = 0;
        for call in left_calls(b"hang") {
            if tokio::io::AsyncWriteExt::write_all(&mut writes, &call).await.is_err() {
                break;
            }
            sent += 1;
        }
        sent
    };
    let (sent, reason) = tokio::join!(flood, reads.end());
    assert!(sent < 100_000, "all were taken");
    assert!(matches!(reason, None | Some(ENHANCE_YOUR_CALM)), "{reason:?}");
    served.script.hanging_are(0).await;
    bystander.was_answered().await;
}

#[tokio::test]
async fn a_caller_may_leave_many_calls_and_ping_while_it_is_served() {
    let served = serve(Settings { streams_max: 1_000, ..settings() }).await;
    let mut raw = Raw::open(served.address).await;
    let mut burst = Vec::new();
    for left in left_calls(b"hang").take(900) {
        burst.extend(left);
        burst.extend(frame(PING, 0, 0, &[7; 8]));
    }
    assert!(raw.send(&burst).await);
    assert!(raw.send(&whole(GET, 200_001, b"hello")).await);
    let answered = raw.reads.find(|frame| frame.stream == 200_001 && frame.flags & END_STREAM != 0).await;
    assert!(answered.is_some(), "the connection stands");
    served.script.hanging_are(0).await;
}
