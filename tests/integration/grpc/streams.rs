//! A stream of messages: in order, with what is said in its trailers, and ended by its caller's leaving.

use tonic::Code;

use super::served::{serve, settings};

#[tokio::test]
async fn messages_come_in_order_and_the_trailers_say_the_rest() {
    let served = serve(settings()).await;
    let mut response = served.stream("one\ntwo\nthree").await.unwrap();
    assert!(response.metadata().get("rowcall-total").is_none());
    let messages = response.get_mut();
    for expected in ["one", "two", "three"] {
        assert_eq!(messages.message().await.unwrap().unwrap(), expected);
    }
    assert!(messages.message().await.unwrap().is_none());
    let trailers = messages.trailers().await.unwrap().unwrap();
    assert_eq!(trailers.get("rowcall-total").unwrap(), "3503; exact");
    assert!(trailers.get("x-process-time").is_some() && trailers.get("traceparent").is_some());
}

#[tokio::test]
async fn an_empty_stream_ends_well() {
    let served = serve(settings()).await;
    let mut messages = served.stream("").await.unwrap().into_inner();
    assert!(messages.message().await.unwrap().is_none());
    assert!(messages.trailers().await.unwrap().unwrap().get("x-process-time").is_some());
}

#[tokio::test]
async fn a_failure_after_some_messages_is_in_the_trailers() {
    let served = serve(settings()).await;
    let mut messages = served.stream("one\nmissing 1").await.unwrap().into_inner();
    assert_eq!(messages.message().await.unwrap().unwrap(), "one");
    let status = messages.message().await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "tracks/1 does not exist"));
    assert!(status.metadata().get("x-process-time").is_some());
}

#[tokio::test]
async fn a_failure_before_the_first_message_is_all_there_is() {
    let served = serve(settings()).await;
    let status = served.stream("refuse\none").await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_caller_that_leaves_the_stream_ends_its_work() {
    let served = serve(settings()).await;
    let mut messages = served.stream("one\nhang").await.unwrap().into_inner();
    assert_eq!(messages.message().await.unwrap().unwrap(), "one");
    served.script.hanging_are(1).await;
    drop(messages);
    served.script.hanging_are(0).await;
}

#[tokio::test]
async fn a_message_larger_than_every_window_arrives_whole() {
    let served = serve(settings()).await;
    let client = served.client().max_decoding_message_size(16 << 20);
    let request = super::served::with("size 9000000\nsize 3", &[]);
    let mut messages =
        super::served::streaming(client, super::served::STREAM, request).await.unwrap().into_inner();
    assert_eq!(messages.message().await.unwrap().unwrap().len(), 9_000_000);
    assert_eq!(messages.message().await.unwrap().unwrap(), "xxx");
    assert!(messages.message().await.unwrap().is_none());
}
