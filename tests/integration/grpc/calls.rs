//! A unary call: its answer, and what is said in its headers.

use std::time::{Duration, Instant};

use http::uri::PathAndQuery;
use tonic::{Code, Request};

use super::served::{GET, Plain, serve, settings, unary, with};

#[tokio::test]
async fn a_call_is_answered_with_what_there_is_to_say_in_its_headers() {
    let served = serve(settings()).await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let response =
        served.get_with("hello", &[("traceparent", parent), ("rowcall-timing", "on")]).await.unwrap();
    let said = response.metadata();
    assert_eq!(said.get("rowcall-total").unwrap(), "3503; exact");
    assert_eq!(said.get("rowcall-truncated").unwrap(), "tracks");
    assert_eq!(said.get("rowcall-cache").unwrap(), "miss");
    assert_eq!(said.get("server-timing").unwrap(), "execute;dur=2.400");
    assert!(said.get("x-process-time").unwrap().to_str().unwrap().parse::<f64>().unwrap() < 10.0);
    let trace = said.get("traceparent").unwrap().to_str().unwrap();
    assert!(trace.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && trace != parent, "{trace}");
    assert_eq!(response.into_inner(), "hello");
}

#[tokio::test]
async fn stages_are_told_only_to_who_asks() {
    let served = serve(settings()).await;
    let response = served.get("hello").await.unwrap();
    assert!(response.metadata().get("server-timing").is_none());
    assert!(response.metadata().get("traceparent").is_some());
}

#[tokio::test]
async fn an_unknown_key_of_ours_is_refused_and_others_pass() {
    let served = serve(settings()).await;
    let status = served.get_with("hello", &[("rowcall-timings", "on")]).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "rowcall-timings: is not known; did you mean rowcall-timing?");
    assert!(served.get_with("hello", &[("x-request-id", "1")]).await.is_ok());
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented_and_the_nearest_is_named() {
    let served = serve(settings()).await;
    let request = super::served::with("", &[]);
    let path = "/chinook.v1.ChinookService/GetTrak";
    let status = super::served::unary(served.client(), path, request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("did you mean chinook.v1.ChinookService/GetTrack"), "{status:?}");
    let status = super::served::unary(served.client(), "/other.Service/Do", super::served::with("", &[]))
        .await
        .unwrap_err();
    assert_eq!(status.message(), "there is no method other.Service/Do; reflection lists those there are");
}

/// h2 closes a connection on which a thousand requests came to streams that were reset by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_bears_any_number_of_refusals() {
    let served = serve(settings()).await;
    let client = served.bare().await;
    for call in 0..10_000 {
        let request = super::served::with("hello", &[]);
        let status = super::served::unary(client.clone(), "/other.Service/Do", request).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "call {call}: {status:?}");
    }
}

#[tokio::test]
async fn more_calls_than_there_may_be_are_sent_elsewhere() {
    let served = serve(rowcall::grpc::Settings { calls_max: 1, ..settings() }).await;
    let held = served.get("hold");
    let other = async {
        served.script.hanging_are(1).await;
        let status = served.get("hello").await.unwrap_err();
        served.script.release.send_replace(true);
        status
    };
    let (held, status) = tokio::join!(held, other);
    assert_eq!(held.unwrap().into_inner(), "released");
    assert_eq!(status.code(), Code::ResourceExhausted);
    let pushback = status.metadata().get("grpc-retry-pushback-ms").unwrap().to_str().unwrap();
    assert!((500..=1_500).contains(&pushback.parse::<u64>().unwrap()), "{pushback}");
    assert!(served.get("hello").await.is_ok());
}

/// Half a second of four hundred callers, whose refusals would be ten thousands.
#[tokio::test]
async fn callers_who_repeat_at_once_are_held_back() {
    let served =
        serve(rowcall::grpc::Settings { calls_max: 1, refusals_per_second: 1_000, ..settings() }).await;
    let held = served.get("hold");
    let others = async {
        served.script.hanging_are(1).await;
        let begun = Instant::now();
        let callers = (0..400).map(|_| async {
            let mut refused = 0;
            while begun.elapsed() < Duration::from_millis(500) {
                let status = served.get("hello").await.unwrap_err();
                assert_eq!(status.code(), Code::ResourceExhausted);
                refused += 1;
            }
            refused
        });
        let refused: u32 = futures_util::future::join_all(callers).await.into_iter().sum();
        let seconds = begun.elapsed().as_secs_f64();
        served.script.release.send_replace(true);
        // A burst, and then one a millisecond; who has waited for a second has waited enough.
        let most = 100.0 + seconds * 1_000.0 + 1.0;
        assert!(f64::from(refused) <= most, "{refused} in {seconds} s");
        assert!(refused >= 400, "each hears of it: {refused}");
    };
    let (held, ()) = tokio::join!(held, others);
    assert_eq!(held.unwrap().into_inner(), "released");
}

#[tokio::test]
async fn a_call_too_many_is_refused_before_its_request_is_read() {
    let served = serve(rowcall::grpc::Settings { calls_max: 1, ..settings() }).await;
    let held = served.get("hold");
    let other = async {
        served.script.hanging_are(1).await;
        let mut client = served.bare().await;
        client.ready().await.unwrap();
        let never = Request::new(futures_util::stream::pending());
        let status = client.client_streaming(never, PathAndQuery::from_static(GET), Plain).await.unwrap_err();
        served.script.release.send_replace(true);
        status
    };
    let (held, status) = tokio::join!(held, other);
    assert_eq!(held.unwrap().into_inner(), "released");
    assert_eq!(status.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn calls_of_one_connection_over_the_limit_are_held_back_and_others_are_not() {
    let served = serve(rowcall::grpc::Settings { streams_max: 1, ..settings() }).await;
    let full = served.bare().await;
    // The server's settings are known to the client once it has answered something.
    unary(full.clone(), GET, with("hello", &[])).await.unwrap();
    let held = unary(full.clone(), GET, with("hold", &[]));
    let further = async {
        served.script.hanging_are(1).await;
        unary(full.clone(), GET, with("hello", &[])).await
    };
    let others = async {
        served.script.hanging_are(1).await;
        for _ in 0..50 {
            assert_eq!(served.get("hello").await.unwrap().into_inner(), "hello");
        }
    };
    tokio::pin!(held, further);
    tokio::select! {
        _ = &mut held => panic!("nobody has let it go"),
        _ = &mut further => panic!("it is one call too many"),
        () = others => {}
    }
    served.script.release.send_replace(true);
    let (held, further) = tokio::join!(held, further);
    assert_eq!(held.unwrap().into_inner(), "released");
    assert_eq!(further.unwrap().into_inner(), "hello");
}

#[tokio::test]
async fn a_caller_that_goes_takes_its_call_along() {
    let served = serve(settings()).await;
    let call = tokio::spawn({
        let client = served.client();
        async move { super::served::unary(client, super::served::GET, super::served::with("hang", &[])).await }
    });
    served.script.hanging_are(1).await;
    call.abort();
    served.script.hanging_are(0).await;
}
