//! JSON in, JSON out: any method of a contract, with what came beside the answer.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost_reflect::{DynamicMessage, MethodDescriptor, SerializeOptions};
use rowcall::app::Serving;
use rowcall::config::{self, Inputs};
use rowcall::contract::{self, Contract, Source};
use rowcall::wire::{UnknownKeys, message_from_json};
use serde_json::Value;
use tokio::net::TcpStream;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::codec::{CompressionEncoding, Streaming};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::messages::Messages;

/// By resource names, all of Chinook.
pub const CHINOOK_CONTRACT: &str = "tests/contracts/chinook";
/// By plain keys, some of Chinook.
pub const CHINOOK_PLAIN_CONTRACT: &str = "tests/contracts/chinook_plain";

/// Calls a server that speaks a contract, on one connection, which keeps no deadlines of its own:
/// tonic's channel has a timer for `grpc-timeout`, which would answer before the server does.
#[derive(Clone)]
pub struct Client {
    contract: Arc<Contract>,
    address: SocketAddr,
    connection: SendRequest<Body>,
    accepts: Option<CompressionEncoding>,
}

/// A message, and the metadata it came with.
pub struct Answer {
    pub message: DynamicMessage,
    pub metadata: MetadataMap,
}

/// The messages of a stream, one at a time.
pub struct Chunks(Streaming<DynamicMessage>);

/// An error and its details.
#[derive(Debug)]
pub struct Failure {
    pub code: Code,
    pub message: String,
    /// Of its `google.rpc.ErrorInfo`; empty without one.
    pub reason: String,
    /// The metadata of its `google.rpc.ErrorInfo`.
    pub info: HashMap<String, String>,
    /// Of its `google.rpc.BadRequest`: field and description.
    pub violations: Vec<(String, String)>,
    pub status: Status,
}

/// A server in this process and its client.
pub struct Local {
    pub serving: Serving,
    pub client: Client,
}

/// Serves a contract (a path, relative to the package) on a free port, with `settings` over the defaults.
pub async fn serve(contract: &str, url: &str, settings: &[(&str, &str)]) -> Local {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(contract);
    let flags = [("listener.address", "127.0.0.1:0")].iter().chain(settings);
    let flags = flags.map(|(name, text)| ("--set", name.to_string(), text.to_string())).collect();
    let loaded = config::load(Inputs { flags, ..Inputs::default() }).expect("the settings are good");
    let serving = Serving::start(loaded.config, vec![path.clone()], url).await.expect("the server starts");
    let client = Client::connect(path, serving.address()).await;
    Local { serving, client }
}

impl Client {
    pub async fn connect(contract: PathBuf, address: SocketAddr) -> Self {
        let load = move || contract::load(&Source { paths: vec![contract] });
        let loaded = tokio::task::spawn_blocking(load).await.expect("loading does not panic");
        let socket = TcpStream::connect(address).await.expect("the server listens");
        socket.set_nodelay(true).expect("an open socket");
        let (connection, driven) =
            handshake(TokioExecutor::new(), TokioIo::new(socket)).await.expect("HTTP/2");
        tokio::spawn(driven);
        Client {
            contract: Arc::new(loaded.expect("the contract is good")),
            address,
            connection,
            accepts: None,
        }
    }

    /// The same on a connection that is another's to keep, taking answers compressed or not.
    pub fn over(&self, connection: SendRequest<Body>, accepts: Option<CompressionEncoding>) -> Self {
        Client { connection, accepts, ..self.clone() }
    }

    /// By its name without the service.
    pub fn method(&self, name: &str) -> MethodDescriptor {
        let methods = self.contract.services.iter().flat_map(|service| &service.methods);
        let mut descriptors = methods.map(|method| &method.descriptor);
        descriptors.find(|method| method.name() == name).unwrap_or_else(|| panic!("no method {name}")).clone()
    }

    pub async fn call(&self, method: &str, request: Value) -> Result<Answer, Failure> {
        self.call_with(method, request, &[]).await
    }

    pub async fn call_with(
        &self,
        method: &str,
        request: Value,
        metadata: &[(&'static str, &str)],
    ) -> Result<Answer, Failure> {
        let method = self.method(method);
        let mut grpc = self.ready().await;
        let codec = Messages(method.output());
        let response = grpc.unary(asked(&method, request, metadata), path(&method), codec).await;
        let (metadata, message, _) = response.map_err(Failure::from)?.into_parts();
        Ok(Answer { message, metadata })
    }

    pub async fn stream(&self, method: &str, request: Value) -> Result<Chunks, Failure> {
        self.stream_with(method, request, &[]).await
    }

    pub async fn stream_with(
        &self,
        method: &str,
        request: Value,
        metadata: &[(&'static str, &str)],
    ) -> Result<Chunks, Failure> {
        let method = self.method(method);
        let mut grpc = self.ready().await;
        let codec = Messages(method.output());
        let response = grpc.server_streaming(asked(&method, request, metadata), path(&method), codec).await;
        Ok(Chunks(response.map_err(Failure::from)?.into_inner()))
    }

    /// What is said to a path that is no method's.
    pub async fn unknown(&self, path: &'static str) -> Status {
        let codec = Messages(self.method("GetTrack").output());
        let request = asked(&self.method("GetTrack"), Value::Object(Default::default()), &[]);
        let ended =
            self.ready().await.unary(request, http::uri::PathAndQuery::from_static(path), codec).await;
        ended.expect_err("there is no such method")
    }

    async fn ready(
        &self,
    ) -> Grpc<impl GrpcService<Body, Error = hyper::Error, ResponseBody = Incoming, Future: Send> + Send>
    {
        let connection = self.connection.clone();
        let service = tower::service_fn(move |request| connection.clone().send_request(request));
        let origin = format!("http://{}", self.address).parse().expect("an address");
        let mut grpc = Grpc::with_origin(service, origin);
        if let Some(encoding) = self.accepts {
            grpc = grpc.accept_compressed(encoding);
        }
        grpc.ready().await.expect("the connection stands");
        grpc
    }
}

/// As JSON: a message's own form shows its type, which may contain itself.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("message", &self.json()).field("metadata", &self.metadata).finish()
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        json(&self.message)
    }

    /// What the metadata says under a key.
    pub fn said(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(|value| value.to_str().expect("ASCII"))
    }
}

impl Chunks {
    /// None at the end.
    pub async fn next(&mut self) -> Result<Option<DynamicMessage>, Failure> {
        self.0.message().await.map_err(Failure::from)
    }

    /// After the end.
    pub async fn trailers(&mut self) -> MetadataMap {
        self.0.trailers().await.expect("the stream has ended well").unwrap_or_default()
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
        Failure {
            code: status.code(),
            message: status.message().to_owned(),
            reason: details.error_info().map(|info| info.reason.clone()).unwrap_or_default(),
            info: details.error_info().map(|info| info.metadata.clone()).unwrap_or_default(),
            violations: violations.iter().map(|v| (v.field.clone(), v.description.clone())).collect(),
            status,
        }
    }
}

/// Proto JSON by the contract's own names; what has its default and no presence is left out.
pub fn json(message: &DynamicMessage) -> Value {
    let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(true);
    message.serialize_with_options(serde_json::value::Serializer, &options).expect("it has a JSON form")
}

fn asked(
    method: &MethodDescriptor,
    mut request: Value,
    metadata: &[(&'static str, &str)],
) -> Request<DynamicMessage> {
    if let Some(Value::String(mask)) = request.get_mut("read_mask") {
        *mask = camel(mask);
    }
    let message = message_from_json(&method.input(), &request.to_string(), UnknownKeys::Refused)
        .expect("a request of this method");
    let mut request = Request::new(message);
    for (key, value) in metadata {
        request.metadata_mut().append(*key, value.parse().expect("a value of metadata"));
    }
    request
}

/// JSON writes the paths of a FieldMask in camel case, whatever the fields are called.
fn camel(mask: &str) -> String {
    let mut words = mask.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| camel + &word[..1].to_uppercase() + &word[1..])
}

fn path(method: &MethodDescriptor) -> http::uri::PathAndQuery {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    path.parse().expect("a path")
}
