//! `grpc-timeout`, and the defaults without one.

use std::time::Duration;

use rowcall::grpc::Settings;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::served::{GET, STREAM, Served, serve, settings, streaming, unary, with};

const SHORT: Duration = Duration::from_millis(300);

async fn get(served: &Served, request: &'static str, timeout: &str) -> tonic::Status {
    unary(served.bare().await, GET, with(request, &[("grpc-timeout", timeout)])).await.unwrap_err()
}

fn reason(status: &tonic::Status) -> String {
    status.get_details_error_info().unwrap().reason
}

#[tokio::test]
async fn a_passed_deadline_is_said_with_its_reason_and_the_work_ends() {
    let served = serve(settings()).await;
    let status = get(&served, "hang", "30m").await;
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(reason(&status), "DEADLINE_PASSED");
    assert_eq!(status.message(), "the deadline passed after 30ms; allow more time or ask for less");
    assert!(status.get_details_retry_info().is_none());
    served.script.hanging_are(0).await;
}

#[tokio::test]
async fn no_time_at_all_is_a_passed_deadline() {
    let served = serve(settings()).await;
    let status = get(&served, "hang", "0n").await;
    assert_eq!(reason(&status), "DEADLINE_PASSED");
}

#[tokio::test]
async fn a_malformed_timeout_is_refused() {
    let served = serve(settings()).await;
    let status = get(&served, "hello", "soon").await;
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "grpc-timeout");
}

#[tokio::test]
async fn without_a_timeout_the_default_ends_a_call() {
    let served = serve(Settings { deadline_default: SHORT, ..settings() }).await;
    let status = served.get("hang").await.unwrap_err();
    assert_eq!(reason(&status), "DEADLINE_PASSED");
    assert_eq!(status.message(), "nothing was ready within 300ms; set a deadline to allow more");
}

#[tokio::test]
async fn a_given_deadline_is_the_whole_streams() {
    let served = serve(settings()).await;
    let request = with("one\nhang", &[("grpc-timeout", "1S")]);
    let mut messages = streaming(served.bare().await, STREAM, request).await.unwrap().into_inner();
    assert_eq!(messages.message().await.unwrap().unwrap(), "one");
    let status = messages.message().await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::DeadlineExceeded, "DEADLINE_PASSED".to_owned()));
    served.script.hanging_are(0).await;
}

#[tokio::test]
async fn the_default_is_each_chunks() {
    let served = serve(Settings { deadline_default: SHORT, ..settings() }).await;
    let mut messages = served.stream("one\ntwo\nhang").await.unwrap().into_inner();
    assert_eq!(messages.message().await.unwrap().unwrap(), "one");
    assert_eq!(messages.message().await.unwrap().unwrap(), "two");
    assert_eq!(messages.message().await.unwrap_err().code(), Code::DeadlineExceeded);
}
