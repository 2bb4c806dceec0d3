//! One call and its request → the response: what the pipeline answers, within the call's deadline.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use super::body::{self, Body};
use super::compression::{self, Packing};
use super::notes::{self, About};
use super::pipeline::{Answers, Chunks};
use super::request::{FRAME_HEAD, Messages};
use super::status;
use crate::Error;
use crate::call::Call;
use crate::own_task;
use crate::plan::{Method, Plans};
use crate::telemetry::{self, Outcome};
use crate::wire::Payload;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// A call on its way. Dropped with the caller's stream, and its query with it.
pub struct Exchange<A> {
    pub answers: Arc<A>,
    pub plans: Arc<Plans>,
    pub method: Arc<Method>,
    pub call: Call,
    pub about: About,
    pub packing: Packing,
    /// One of the calls there may be; given back when the answer has been taken.
    pub permit: OwnedSemaphorePermit,
    /// Told how it ends.
    pub told: telemetry::Call,
}

impl<A: Answers> Exchange<A> {
    pub async fn unary(mut self, messages: Messages) -> Response<Body> {
        let told = &mut self.told;
        let work = async {
            let came = messages.came();
            let request = messages.only().await.map_err(|why| status::unreadable(&why))?;
            told.received(came.bytes());
            self.answers.unary(&self.plans, &self.method, &self.call, request, &mut told.notes).await.map_err(
                |error| {
                    told.because(status::cause(&error));
                    status::of(&error, &self.call, &self.about.trace)
                },
            )
        };
        let answer = match within(&self.call, self.call.started, work).await {
            Ok(answer) => answer,
            Err(status) => return failed(&status, &self.about, self.told),
        };
        let frame = self.packing.answer(answer).await;
        self.told.sent(frame.len() - FRAME_HEAD);
        let (message, trailers, _permit) = (Some(frame), Some(ended()), Some(self.permit));
        let mut response = headed(Body::Once { message, trailers, _permit }, &self.packing);
        notes::write(&self.told.notes, response.headers_mut());
        self.about.write(&self.told.notes, response.headers_mut());
        self.told.end(Outcome::OK);
        response
    }

    /// The first message, or its failure, decides what the headers say; the rest follows as it is read.
    pub async fn stream(self, messages: Messages) -> Response<Body> {
        // Its messages are compressed as they are handed out.
        own_task::ask();
        let came = messages.came();
        let request = match within(&self.call, self.call.started, async {
            messages.only().await.map_err(|why| status::unreadable(&why))
        })
        .await
        {
            Ok(request) => request,
            Err(status) => return failed(&status, &self.about, self.told),
        };
        let Exchange { answers, plans, method, call, about, packing, permit, mut told } = self;
        told.received(came.bytes());
        let chunks = answers.stream(plans, method, call.clone(), request);
        let (permit, told) = (Some(permit), Some(told));
        let mut sending =
            Sending { chunks, call, about, packing, first: None, left: Bytes::new(), permit, told };
        match sending.receive().await {
            Some(Ok(payload)) => sending.first = Some(payload),
            Some(Err(status)) => {
                let mut response = only_status(&status);
                response.headers_mut().extend(sending.trailers(Err(&status)));
                return response;
            }
            None => {
                let trailers = Some(sending.trailers(Ok(())));
                return headed(
                    Body::Once { message: None, trailers, _permit: sending.permit.take() },
                    &packing,
                );
            }
        }
        let frames = futures_util::stream::unfold(Some(sending), |sending| async { sending?.send().await });
        headed(Body::Stream(frames.boxed()), &packing)
    }
}

/// A stream between its first message and its trailers.
struct Sending<C: Chunks> {
    chunks: C,
    call: Call,
    about: About,
    packing: Packing,
    first: Option<Payload>,
    /// Of the last message.
    left: Bytes,
    permit: Option<OwnedSemaphorePermit>,
    /// None once it was told how it ended.
    told: Option<telemetry::Call>,
}

impl<C: Chunks> Sending<C> {
    async fn send(mut self) -> Option<(Frame<Bytes>, Option<Self>)> {
        if !self.left.is_empty() {
            self.chunks.taken();
            return Some((Frame::data(body::piece(&mut self.left)), Some(self)));
        }
        let received = match self.first.take() {
            Some(payload) => Some(Ok(payload)),
            None => self.receive().await,
        };
        match received {
            Some(Ok(payload)) => {
                self.left = self.packing.frame(payload).await;
                if let Some(told) = &mut self.told {
                    told.sent(self.left.len() - FRAME_HEAD);
                }
                Some((Frame::data(body::piece(&mut self.left)), Some(self)))
            }
            Some(Err(status)) => Some((Frame::trailers(self.trailers(Err(&status))), None)),
            None => Some((Frame::trailers(self.trailers(Ok(()))), None)),
        }
    }

    async fn receive(&mut self) -> Option<Result<Payload, Status>> {
        let next = async { Ok(self.chunks.next().await) };
        match within(&self.call, Instant::now(), next).await {
            Ok(received) => received.map(|result| {
                result.map_err(|error: Error| {
                    if let Some(told) = &mut self.told {
                        told.because(status::cause(&error));
                    }
                    status::of(&error, &self.call, &self.about.trace)
                })
            }),
            Err(status) => Some(Err(status)),
        }
    }

    fn trailers(&mut self, outcome: Result<(), &Status>) -> HeaderMap {
        let mut notes = self.chunks.notes();
        notes.cut();
        if let Some(mut told) = self.told.take() {
            told.notes = notes.clone();
            told.end(outcome.map_or_else(status::outcome, |()| Outcome::OK));
        }
        let mut trailers = match outcome {
            Ok(()) => ended(),
            Err(status) => status_headers(status),
        };
        notes::write(&notes, &mut trailers);
        self.about.write(&notes, &mut trailers);
        trailers
    }
}

/// Its caller has left.
impl<C: Chunks> Drop for Sending<C> {
    fn drop(&mut self) {
        if let Some(told) = &mut self.told {
            told.notes = self.chunks.notes();
        }
    }
}

/// The work's outcome, or DEADLINE_PASSED and the work dropped. No async fn: it would hold the work twice.
fn within<T>(
    call: &Call,
    begun: Instant,
    work: impl Future<Output = Result<T, Status>>,
) -> impl Future<Output = Result<T, Status>> {
    let at = call.deadline.at(begun);
    tokio::time::timeout_at(at.into(), work)
        .map(|outcome| outcome.unwrap_or_else(|_| Err(status::deadline_passed(call))))
}

/// A response that is nothing but its status.
pub fn failed(status: &Status, about: &About, mut told: telemetry::Call) -> Response<Body> {
    let mut response = only_status(status);
    told.notes.cut();
    notes::write(&told.notes, response.headers_mut());
    about.write(&told.notes, response.headers_mut());
    told.end(status::outcome(status));
    response
}

/// As `failed`, for services that tell no times.
pub fn only_status(status: &Status) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.headers_mut() = status_headers(status);
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response.headers_mut().insert(compression::ACCEPT_ENCODING, compression::ACCEPTED);
    response
}

/// A response that has messages.
pub fn headed(body: Body, packing: &Packing) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    if let Some(encoding) = packing.header() {
        response.headers_mut().insert(compression::ENCODING, encoding);
    }
    response
}

/// The trailers of an answer that is whole.
pub fn ended() -> HeaderMap {
    HeaderMap::from_iter([(Status::GRPC_STATUS, HeaderValue::from_static("0"))])
}

pub fn status_headers(status: &Status) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if status.add_header(&mut headers).is_err() {
        // Only a header that cannot be written is left out; the code always can.
        headers.insert(Status::GRPC_STATUS, HeaderValue::from(status.code() as i32));
    }
    headers
}
