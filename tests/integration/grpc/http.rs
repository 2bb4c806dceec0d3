//! Requests that HTTP allows and gRPC does not.

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt as _, Full};
use tonic::client::GrpcService as _;

use super::served::{GET, Served, serve, settings};

struct Answered {
    http: u16,
    grpc: Option<String>,
    text: String,
}

async fn ask(served: &Served, verb: Method, kind: &str, body: &'static [u8]) -> Answered {
    let request = http::Request::builder()
        .method(verb)
        .uri(format!("http://{}{GET}", served.address))
        .header("content-type", kind)
        .body(tonic::body::Body::new(Full::new(Bytes::from_static(body))))
        .unwrap();
    let mut channel = served.channel.clone();
    std::future::poll_fn(|context| channel.poll_ready(context)).await.unwrap();
    let response = channel.call(request).await.unwrap();
    let text = |key: &str| response.headers().get(key).map(|value| value.to_str().unwrap().to_owned());
    let (http, grpc, message) = (response.status().as_u16(), text("grpc-status"), text("grpc-message"));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Answered { http, grpc, text: message.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned()) }
}

#[tokio::test]
async fn only_posts_of_protobuf_are_calls() {
    let served = serve(settings()).await;
    assert_eq!(ask(&served, Method::GET, "application/grpc", b"").await.http, 405);
    for kind in ["application/json", "application/grpc-web", "application/grpc+json", "text/plain"] {
        assert_eq!(ask(&served, Method::POST, kind, b"").await.http, 415, "{kind}");
    }
    for kind in ["application/grpc", "application/grpc+proto", "application/grpc;v=1"] {
        let answered = ask(&served, Method::POST, kind, b"\0\0\0\0\0").await;
        assert_eq!((answered.http, answered.grpc), (200, None), "{kind}");
    }
}

#[tokio::test]
async fn a_call_has_one_message() {
    let served = serve(settings()).await;
    let none = ask(&served, Method::POST, "application/grpc", b"").await;
    assert_eq!((none.http, none.grpc.as_deref()), (200, Some("12")));
    assert_eq!(none.text, "the%20call%20has%20no%20request%20message;%20send%20one");
    let two = ask(&served, Method::POST, "application/grpc", b"\0\0\0\0\0\0\0\0\0\0").await;
    assert_eq!(two.grpc.as_deref(), Some("12"));
    let torn = ask(&served, Method::POST, "application/grpc", b"\0\0\0\0\x09short").await;
    assert_eq!(torn.grpc.as_deref(), Some("3"));
}
