//! Settings → a listener with a script behind it, and a client in front.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf as _, BufMut as _, Bytes};
use http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rowcall::grpc::{Certificates, Server, Settings, Signs};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder, Streaming};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

use super::script::Script;

pub const GET: &str = "/chinook.v1.ChinookService/GetTrack";
pub const STREAM: &str = "/chinook.v1.ChinookService/StreamTracks";

pub struct Served {
    pub script: Arc<Script>,
    pub address: SocketAddr,
    pub channel: Channel,
    pub database: watch::Sender<bool>,
    pub loads: watch::Sender<u64>,
    pub drain: CancellationToken,
    pub end: JoinHandle<()>,
    pub certificates: Option<Certificates>,
}

/// On a port of its own.
pub fn settings() -> Settings {
    Settings { address: "127.0.0.1:0".parse().unwrap(), ..Settings::default() }
}

pub async fn serve(settings: Settings) -> Served {
    let script = Script::new();
    let server = Server::bind(settings).await.unwrap();
    let (address, certificates) = (server.local_addr(), server.certificates());
    let (database, loads, drain) =
        (watch::Sender::new(true), watch::Sender::new(0), CancellationToken::new());
    let feed = rowcall::feed::Feed::new(Default::default(), std::time::Instant::now());
    let signs =
        Signs { database: database.subscribe(), loads: loads.subscribe(), drain: drain.clone(), feed };
    let end = tokio::spawn(server.serve(script.clone(), signs));
    let channel = Endpoint::try_from(format!("http://{address}")).unwrap().connect_lazy();
    Served { script, address, channel, database, loads, drain, end, certificates }
}

impl Served {
    pub fn client(&self) -> Grpc<Channel> {
        Grpc::new(self.channel.clone())
    }

    /// A client on a connection of its own that keeps no deadlines: tonic's channel has a timer for them.
    pub async fn bare(
        &self,
    ) -> Grpc<impl GrpcService<Body, Error = hyper::Error, ResponseBody = Incoming> + Clone> {
        let socket = TcpStream::connect(self.address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
        tokio::spawn(connection);
        let service = tower::service_fn(move |request| sender.clone().send_request(request));
        Grpc::with_origin(service, format!("http://{}", self.address).parse().unwrap())
    }

    pub async fn get(&self, request: &'static str) -> Result<Response<Bytes>, Status> {
        unary(self.client(), GET, Request::new(Bytes::from_static(request.as_bytes()))).await
    }

    pub async fn get_with(
        &self,
        request: &'static str,
        metadata: &[(&'static str, &str)],
    ) -> Result<Response<Bytes>, Status> {
        unary(self.client(), GET, with(request, metadata)).await
    }

    pub async fn stream(&self, request: &'static str) -> Result<Response<Streaming<Bytes>>, Status> {
        streaming(self.client(), STREAM, with(request, &[])).await
    }
}

pub fn with(request: &'static str, metadata: &[(&'static str, &str)]) -> Request<Bytes> {
    let mut request = Request::new(Bytes::from_static(request.as_bytes()));
    for (key, value) in metadata {
        request.metadata_mut().append(*key, value.parse().unwrap());
    }
    request
}

pub async fn unary<T>(
    mut client: Grpc<T>,
    path: &'static str,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, Status>
where
    T: GrpcService<Body, Error: std::fmt::Debug, ResponseBody: Answer>,
{
    client.ready().await.unwrap();
    client.unary(request, PathAndQuery::from_static(path), Plain).await
}

pub async fn streaming<T>(
    mut client: Grpc<T>,
    path: &'static str,
    request: Request<Bytes>,
) -> Result<Response<Streaming<Bytes>>, Status>
where
    T: GrpcService<Body, Error: std::fmt::Debug, ResponseBody: Answer>,
{
    client.ready().await.unwrap();
    client.server_streaming(request, PathAndQuery::from_static(path), Plain).await
}

/// What a client can read answers from.
pub trait Answer:
    http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static
{
}

impl Answer for Body {}
impl Answer for Incoming {}

/// Messages as bytes, both ways.
#[derive(Clone, Copy)]
pub struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Plain;
    type Decoder = Plain;

    fn encoder(&mut self) -> Plain {
        Plain
    }

    fn decoder(&mut self) -> Plain {
        Plain
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(message.copy_to_bytes(message.remaining())))
    }
}
