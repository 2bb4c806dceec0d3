//! `grpc.health.v1`: what is known of the database and of the plans → whether a service serves.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderName, HeaderValue, Response};
use http_body::Frame;
use prost::Message as _;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::answer;
use super::body::Body;
use super::compression::Packing;
use super::health_list::HealthListResponse;
use super::listener::Signs;
use super::pipeline::Answers;
use super::request::{Messages, Unreadable};
use super::status;
use crate::plan::Plans;
use crate::plan::method::Kind;
use crate::wire::Payload;

/// SERVING while the process runs, whatever the database does.
const LIVENESS: &str = "liveness";
const FEED: HeaderName = HeaderName::from_static("rowcall-feed");
/// The server as a whole.
const WHOLE: &str = "";

pub struct Health<A> {
    answers: Arc<A>,
    signs: Signs,
}

impl<A: Answers> Health<A> {
    pub fn new(answers: Arc<A>, signs: Signs) -> Self {
        Health { answers, signs }
    }

    pub async fn answer(&self, method: &str, messages: Result<Messages, Unreadable>) -> Response<Body> {
        let request = match messages {
            Ok(messages) => messages.only().await,
            Err(why) => Err(why),
        };
        let service = match request.map(HealthCheckRequest::decode) {
            Ok(Ok(request)) => request.service,
            Ok(Err(_)) => return answer::only_status(&status::unreadable(&Unreadable::Malformed)),
            Err(why) => return answer::only_status(&status::unreadable(&why)),
        };
        match method {
            "Check" => match self.now().of(&service) {
                Some(serving) => self.once(&response(serving)),
                None => answer::only_status(&status::unknown_service(&service)),
            },
            "Watch" => self.watch(service),
            "List" => self.once(&self.now().list()),
            other => {
                let known = [
                    "/grpc.health.v1.Health/Check",
                    "/grpc.health.v1.Health/Watch",
                    "/grpc.health.v1.Health/List",
                ];
                answer::only_status(&status::unknown_method(
                    &format!("/grpc.health.v1.Health/{other}"),
                    &known,
                ))
            }
        }
    }

    /// One message, and beside it how the feed stands, which is nothing that a service serves or not by.
    fn once(&self, message: &impl prost::Message) -> Response<Body> {
        let body =
            Body::Once { message: Some(frame(message)), trailers: Some(answer::ended()), _permit: None };
        let mut response = answer::headed(body, &Packing::PLAIN);
        let feed = self.signs.feed.status(Instant::now());
        let age = feed.age.map_or("none".to_owned(), |age| format!("{}ms", age.as_millis()));
        let said = format!("age={age}; tracked={}; untracked={}", feed.tables_tracked, feed.tables_untracked);
        if let Ok(said) = HeaderValue::try_from(said) {
            response.headers_mut().insert(FEED, said);
        }
        response
    }

    fn now(&self) -> Now {
        let draining = self.signs.drain.is_cancelled();
        Now { plans: self.answers.plans(), up: *self.signs.database.borrow() && !draining }
    }

    /// The status now and whenever it is another; the last one is NOT_SERVING, as the server drains.
    fn watch(&self, service: String) -> Response<Body> {
        let health = Health { answers: self.answers.clone(), signs: self.signs.clone() };
        let watching = Some((health, service, None));
        let frames = futures_util::stream::unfold(watching, |watching| async {
            let (mut health, service, mut told) = watching?;
            loop {
                health.signs.database.mark_unchanged();
                health.signs.loads.mark_unchanged();
                let drained = health.signs.drain.is_cancelled();
                let serving = health.now().of(&service).unwrap_or(ServingStatus::ServiceUnknown);
                if told != Some(serving) {
                    told = Some(serving);
                    let frame = Frame::data(frame(&response(serving)));
                    return Some((frame, Some((health, service, told))));
                }
                if drained {
                    return Some((Frame::trailers(answer::ended()), None));
                }
                let Signs { database, loads, drain, .. } = &mut health.signs;
                // A sender that is gone changes nothing any more: the drain is all there is to wait for.
                tokio::select! {
                    () = drain.cancelled() => {}
                    Ok(()) = database.changed() => {}
                    Ok(()) = loads.changed() => {}
                }
            }
        });
        answer::headed(Body::Stream(frames.boxed()), &Packing::PLAIN)
    }
}

/// How it stands at one moment.
struct Now {
    plans: Arc<Plans>,
    up: bool,
}

impl Now {
    /// None when there is no such service.
    fn of(&self, service: &str) -> Option<ServingStatus> {
        let serves = match service {
            LIVENESS => return Some(ServingStatus::Serving),
            WHOLE => self.services().any(|name| self.fits(name)),
            name => self.services().any(|known| known == name).then(|| self.fits(name))?,
        };
        Some(if serves && self.up { ServingStatus::Serving } else { ServingStatus::NotServing })
    }

    fn list(&self) -> HealthListResponse {
        let names = [WHOLE, LIVENESS].into_iter().chain(self.services());
        let statuses = names.filter_map(|name| Some((name.to_owned(), response(self.of(name)?))));
        HealthListResponse { statuses: statuses.collect() }
    }

    fn services(&self) -> impl Iterator<Item = &str> {
        self.plans.contract.services.iter().map(|service| service.descriptor.full_name())
    }

    /// Something of it does.
    fn fits(&self, service: &str) -> bool {
        self.plans.methods.values().any(|method| {
            let own = method.path.strip_prefix('/').and_then(|path| path.split_once('/'));
            own.is_some_and(|(of, _)| of == service) && !matches!(method.kind, Kind::Unfit(_) | Kind::Unseen)
        })
    }
}

fn response(serving: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: serving.into() }
}

fn frame(message: &impl prost::Message) -> Bytes {
    Payload::of(&message.encode_to_vec()).frame()
}
