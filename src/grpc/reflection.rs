//! `grpc.reflection` v1 and v1alpha over the plans of the moment.
//!
//! The two versions differ in name alone: their messages have the same bytes.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::Response;
use http_body::Frame;
use prost::Message as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest as Asked;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse as Told;
use tonic_reflection::pb::v1::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse,
    ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
};

use super::answer;
use super::body::Body;
use super::compression::Packing;
use super::descriptors::{Descriptors, FileSet};
use super::health_list;
use super::pipeline::Answers;
use super::request::{Messages, Unreadable};
use super::status;
use crate::contract::{ReflectOptions, reflection};
use crate::plan::Plans;
use crate::wire::Payload;

/// A conversation in which nothing is asked for so long is over.
const IDLE_MAX: Duration = Duration::from_secs(300);

/// The services that are not the user's.
const OWN: [&str; 3] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

pub struct Reflection<A> {
    source: Arc<Source<A>>,
    drain: CancellationToken,
}

struct Source<A> {
    answers: Arc<A>,
    options: ReflectOptions,
    /// Of the plans that were current when it was last asked for.
    index: ArcSwapOption<Index>,
}

struct Index {
    plans: Weak<Plans>,
    descriptors: Descriptors,
    services: Vec<String>,
}

impl<A: Answers> Reflection<A> {
    pub fn new(answers: Arc<A>, options: ReflectOptions, drain: CancellationToken) -> Self {
        Reflection { source: Arc::new(Source { answers, options, index: ArcSwapOption::empty() }), drain }
    }

    pub fn answers(path: &str) -> bool {
        matches!(
            path,
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
                | "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        )
    }

    pub fn answer(&self, messages: Result<Messages, Unreadable>) -> Response<Body> {
        let messages = match messages {
            Ok(messages) => messages,
            Err(why) => return answer::only_status(&status::unreadable(&why)),
        };
        let conversation = Conversation {
            source: self.source.clone(),
            drain: self.drain.clone(),
            messages,
            sent: HashSet::new(),
        };
        let frames = futures_util::stream::unfold(Some(conversation), |conversation| async {
            Some(conversation?.turn().await)
        });
        answer::headed(Body::Stream(frames.boxed()), &Packing::PLAIN)
    }
}

impl<A: Answers> Source<A> {
    fn index(&self) -> Arc<Index> {
        let plans = self.answers.plans();
        let current = self.index.load_full();
        if let Some(index) = current.filter(|index| Weak::as_ptr(&index.plans) == Arc::as_ptr(&plans)) {
            return index;
        }
        let index = Arc::new(Index::of(&plans, self.options));
        self.index.store(Some(index.clone()));
        index
    }
}

impl Index {
    fn of(plans: &Arc<Plans>, options: ReflectOptions) -> Index {
        let contract = &plans.contract;
        let users = reflection(contract, options).into_iter().map(|(_, bytes)| bytes.into());
        // The error details are always there, so that clients can decode them.
        let own = [
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
            tonic_types::pb::FILE_DESCRIPTOR_SET,
        ];
        let own = own.into_iter().flat_map(|set| FileSet::decode(set).unwrap_or_default().files);
        let services = contract.services.iter().map(|service| service.descriptor.full_name().to_owned());
        Index {
            plans: Arc::downgrade(plans),
            descriptors: Descriptors::new(users.chain(health_list::descriptor()).chain(own)),
            services: services.chain(OWN.map(str::to_owned)).collect(),
        }
    }
}

/// One stream of questions and answers.
struct Conversation<A> {
    source: Arc<Source<A>>,
    drain: CancellationToken,
    messages: Messages,
    /// Names of files it has had already: they come unasked only once.
    sent: HashSet<Bytes>,
}

impl<A: Answers> Conversation<A> {
    async fn turn(mut self) -> (Frame<Bytes>, Option<Self>) {
        let asked = tokio::select! {
            () = self.drain.cancelled() => Ok(None),
            asked = timeout(IDLE_MAX, self.messages.next()) => asked.unwrap_or(Ok(None)),
        };
        let request = match asked {
            Ok(Some(bytes)) => ServerReflectionRequest::decode(bytes).map_err(|_| Unreadable::Malformed),
            Ok(None) => return (Frame::trailers(answer::ended()), None),
            Err(why) => Err(why),
        };
        match request {
            Ok(request) => {
                let response = self.respond(request);
                let frame = Payload::of(&response.encode_to_vec()).frame();
                (Frame::data(frame), Some(self))
            }
            Err(why) => {
                let status: Status = status::unreadable(&why);
                (Frame::trailers(answer::status_headers(&status)), None)
            }
        }
    }

    fn respond(&mut self, request: ServerReflectionRequest) -> ServerReflectionResponse {
        let index = self.source.index();
        let found = &index.descriptors;
        let told = match &request.message_request {
            Some(Asked::FileByFilename(name)) => {
                self.files(found, found.file(name), || format!("file {name}"))
            }
            Some(Asked::FileContainingSymbol(name)) => {
                self.files(found, found.symbol(name), || format!("symbol {name}"))
            }
            Some(Asked::FileContainingExtension(extension)) => {
                let (message, number) = (&extension.containing_type, extension.extension_number);
                let what = || format!("extension {number} of {message}");
                self.files(found, found.extension(message, number), what)
            }
            Some(Asked::AllExtensionNumbersOfType(message)) => match found.extensions(message) {
                Some(extension_number) => Told::AllExtensionNumbersResponse(ExtensionNumberResponse {
                    base_type_name: message.clone(),
                    extension_number,
                }),
                None => error(Code::NotFound, format!("there is no message {message}")),
            },
            Some(Asked::ListServices(_)) => {
                let service = index.services.iter().map(|name| ServiceResponse { name: name.clone() });
                Told::ListServicesResponse(ListServiceResponse { service: service.collect() })
            }
            None => error(Code::InvalidArgument, "the request asks for nothing".to_owned()),
        };
        ServerReflectionResponse {
            valid_host: request.host.clone(),
            original_request: Some(request),
            message_response: Some(told),
        }
    }

    /// The file asked for, and of its imports those that this conversation has not had.
    fn files(&mut self, found: &Descriptors, file: Option<usize>, what: impl FnOnce() -> String) -> Told {
        let Some(file) = file else { return error(Code::NotFound, format!("there is no {}", what())) };
        let mut files = Vec::new();
        for at in found.with_imports(file) {
            let bytes = found.bytes(at);
            if self.sent.insert(bytes.clone()) || at == file {
                files.push(bytes.to_vec());
            }
        }
        Told::FileDescriptorResponse(FileDescriptorResponse { file_descriptor_proto: files })
    }
}

fn error(code: Code, error_message: String) -> Told {
    Told::ErrorResponse(ErrorResponse { error_code: code as i32, error_message })
}
