//! Bytes that are not HTTP/2, where HTTP/2 is spoken.

use std::sync::Arc;
use std::time::Duration;

use rowcall::grpc::Settings;

use super::bystander::Bystander;
use super::wire::{PREFACE, Raw, SETTINGS, frame};
use crate::grpc::served::{Served, serve, settings};

/// Silence would be waited out for longer than any test waits.
async fn patient() -> Arc<Served> {
    Arc::new(serve(Settings { handshake_max: Duration::from_secs(600), ..settings() }).await)
}

async fn answer(served: &Served, bytes: &[u8]) -> String {
    let mut raw = Raw::connect(served.address).await;
    assert!(raw.send(bytes).await);
    String::from_utf8(raw.reads.rest().await).unwrap()
}

#[tokio::test]
async fn what_is_no_preface_ends_the_connection_at_once() {
    let served = patient().await;
    let bystander = Bystander::of(&served).await;
    let random: Vec<u8> = (0..64 * 1024).map(|_| rand::random()).collect();
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    for bytes in [&random[..], b"\0", b"\xff", hello, b"SSH-2.0-OpenSSH_9.6\r\n"] {
        assert_eq!(answer(&served, bytes).await, "", "{:?}", &bytes[..bytes.len().min(16)]);
    }
    bystander.was_answered().await;
}

#[tokio::test]
async fn http_1_is_told_what_is_spoken_here() {
    let served = patient().await;
    let get = "GET /chinook.v1.ChinookService/GetTrack HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for request in [get, &get.replace("GET", "POST"), &get.replace("HTTP/1.1\r\n", "HTTP/1.0\r\n")] {
        let mut raw = Raw::connect(served.address).await;
        assert!(raw.send(request.as_bytes()).await);
        tokio::io::AsyncWriteExt::shutdown(&mut raw.writes).await.unwrap();
        let answer = String::from_utf8(raw.reads.rest().await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 505 HTTP Version Not Supported\r\n"), "{answer}");
        assert!(answer.contains("This is gRPC, over HTTP/2 only"), "{answer}");
    }
}

#[tokio::test]
async fn frames_that_are_none_end_the_connection() {
    let served = patient().await;
    let bystander = Bystander::of(&served).await;
    let settings = frame(SETTINGS, 0, 0, b"");
    let too_long = frame(0, 0, 1, &[0; 16_385]);
    let data_of_nothing = frame(0, 0, 0, b"x");
    let half_a_setting = frame(SETTINGS, 0, 0, b"abc");
    for bad in [too_long, data_of_nothing, half_a_setting, vec![0xff; 64]] {
        let mut raw = Raw::connect(served.address).await;
        assert!(raw.send(&[PREFACE, &settings, &bad].concat()).await);
        raw.reads.end().await;
    }
    bystander.was_answered().await;
}
