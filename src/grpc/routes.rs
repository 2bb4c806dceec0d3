//! A request's method, type and path → what answers it.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::poll;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method as Verb, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::sync::Semaphore;
use tokio::time::{sleep_until, timeout};

use super::answer::{self, Exchange};
use super::body::Body;
use super::compression::{Packing, Peer};
use super::health::Health;
use super::metadata::{self, Timing};
use super::notes::About;
use super::pipeline::Answers;
use super::reflection::Reflection;
use super::refusals::Refusals;
use super::request::Messages;
use super::settings::Settings;
use super::status;
use crate::plan::Method;
use crate::plan::method::{self, Answer};
use crate::telemetry::{MethodKind, TRACESTATE, Trace};

/// Methods whose names are at least so like the one asked for are proposed.
const LIKE_MIN: f64 = 0.8;
const PROPOSED_MAX: usize = 2;
/// Nothing is like a longer path, and to find that out would take long.
const PATH_BYTES_MAX: usize = 512;

/// What nobody reads has so long to come.
const UNREAD_MAX: Duration = Duration::from_millis(100);

pub struct Routes<A> {
    pub answers: Arc<A>,
    pub settings: Settings,
    pub calls: Arc<Semaphore>,
    pub refusals: Refusals,
    pub health: Health<A>,
    pub reflection: Reflection<A>,
}

impl<A: Answers> Routes<A> {
    pub async fn answer<B>(&self, request: Request<B>, peer: Peer) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    {
        let started = Instant::now();
        if let Some(response) = not_grpc(&request) {
            return response;
        }
        let (parts, body) = request.into_parts();
        let (path, headers) = (parts.uri.path(), &parts.headers);
        // Asked of a server that has too much to do, too: they say how it is.
        if let Some(method) = path.strip_prefix("/grpc.health.v1.Health/") {
            return self.health.answer(method, Messages::of(headers, body, &self.settings)).await;
        }
        if Reflection::<A>::answers(path) {
            return self.reflection.answer(Messages::of(headers, body, &self.settings));
        }
        let response = self.call(path, headers, body, started, peer).await;
        if let Some(at) = self.refusals.wait(&response) {
            sleep_until(at.into()).await;
        }
        response
    }

    async fn call<B>(
        &self,
        path: &str,
        headers: &HeaderMap,
        mut body: B,
        started: Instant,
        peer: Peer,
    ) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    {
        let telemetry = &self.settings.telemetry;
        let trace = Trace::of(headers, telemetry.sampling());
        let state =
            headers.get(TRACESTATE).filter(|_| trace.parent.is_some() && telemetry.exports()).cloned();
        let mut about = About { started, trace, timing: Timing::Off };
        let plans = self.answers.plans();
        let Some(method) = plans.methods.get(path).cloned() else {
            come(&mut body, self.settings.message_bytes_max).await;
            let status = status::unknown_method(path, &nearest(plans.methods.keys(), path));
            return answer::failed(&status, &about, telemetry.call(None, started, trace, state));
        };
        let kind = kind(&method);
        let told = telemetry.call(Some((&method, kind)), started, trace, state);
        // Before anything is read: who cannot be served costs next to nothing.
        let Ok(permit) = self.calls.clone().try_acquire_owned() else {
            come(&mut body, self.settings.message_bytes_max).await;
            let status = status::overloaded("calls", self.settings.calls_max);
            return answer::failed(&status, &about, told);
        };
        let (call, timing) = match metadata::read(headers, started, self.settings.deadline_default) {
            Ok(read) => read,
            Err(refusal) => {
                come(&mut body, self.settings.message_bytes_max).await;
                return answer::failed(&status::refused(&refusal), &about, told);
            }
        };
        let messages = match Messages::here(headers, body, &self.settings).await {
            Ok(messages) => messages,
            Err(why) => return answer::failed(&status::unreadable(&why), &about, told),
        };
        about.timing = timing;
        let packing = Packing::of(headers, peer, &self.settings.compression);
        let answers = self.answers.clone();
        let exchange = Exchange { answers, plans, method, call, about, packing, permit, told };
        match kind {
            MethodKind::Stream => Box::pin(exchange.stream(messages)).await,
            MethodKind::Unary => exchange.unary(messages).await,
        }
    }
}

/// Lets a request come that nobody will read. Answered before that, its stream is reset, and what comes of it then is an error
/// of the caller's, of which a connection bears a thousand before it is closed on all its calls.
async fn come<B>(body: &mut B, bytes_max: usize)
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    if body.is_end_stream() {
        return;
    }
    let mut rest = pin!(async {
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > bytes_max || body.is_end_stream() {
                return;
            }
        }
    });
    // It mostly is all there, and then no clock is asked.
    if poll!(rest.as_mut()).is_pending() {
        let _ = timeout(UNREAD_MAX, rest).await;
    }
}

fn kind(method: &Method) -> MethodKind {
    match &method.kind {
        method::Kind::Stream { .. } => MethodKind::Stream,
        method::Kind::Function(function) => match function.answer {
            Answer::StreamOfMessages | Answer::StreamOfChunks { .. } => MethodKind::Stream,
            Answer::Message | Answer::Repeated { .. } => MethodKind::Unary,
        },
        method::Kind::Get { .. } | method::Kind::BatchGet { .. } | method::Kind::List { .. } => {
            MethodKind::Unary
        }
        // An error is all there is to send.
        method::Kind::Unfit(_) | method::Kind::Unseen => MethodKind::Unary,
    }
}

/// What is no gRPC request is answered as HTTP has it.
fn not_grpc<B>(request: &Request<B>) -> Option<Response<Body>> {
    if request.method() != Verb::POST {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "gRPC calls are POST requests\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return Some(response);
    }
    let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let rest = kind.strip_prefix(b"application/grpc");
    if rest.is_some_and(|rest| matches!(rest, [] | [b';', ..] | b"+proto") || rest.starts_with(b"+proto;")) {
        return None;
    }
    Some(plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/grpc, with protobuf messages\n"))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let body =
        Body::Once { message: Some(Bytes::from_static(text.as_bytes())), trailers: None, _permit: None };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The methods most like the one asked for, best first.
fn nearest<'a>(known: impl Iterator<Item = &'a String>, path: &str) -> Vec<&'a str> {
    let mut likes: Vec<(f64, &str)> = known
        .filter(|known| path.len() <= PATH_BYTES_MAX && likely(known, path))
        .map(|known| (likeness(known, path), known.as_str()))
        .filter(|(likeness, _)| *likeness >= LIKE_MIN)
        .collect();
    likes.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
    likes.into_iter().take(PROPOSED_MAX).map(|(_, path)| path).collect()
}

/// Names whose lengths differ so much take more edits than `LIKE_MIN` leaves; to count them would take long.
fn likely(known: &str, path: &str) -> bool {
    let (known, path) = (name(known).len(), name(path).len());
    known.min(path) * 2 >= known.max(path)
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The method's name counts most: a path's long beginning is like any other's.
fn likeness(known: &str, path: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(name(known), name(path)) * 0.8 + strsim::jaro(known, path) * 0.2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_that_could_be_meant_is_compared() {
        let known = ["/a.v1.AService/GetTrack".to_owned(), "/a.v1.AService/ListTracks".to_owned()];
        assert_eq!(nearest(known.iter(), "/a.v1.AService/GetTrak"), ["/a.v1.AService/GetTrack"]);
        let long = "x".repeat(PATH_BYTES_MAX);
        let long = [format!("/{long}")];
        assert_eq!(nearest(long.iter(), &long[0]), [""; 0]);
    }
}
