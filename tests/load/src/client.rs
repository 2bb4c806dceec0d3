//! A server's address → answers as a client sees them: decoded to be checked, or counted as raw bytes.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::Context as _;
use bytes::{Buf as _, BufMut as _, Bytes};
use futures_util::TryStreamExt as _;
use http::uri::PathAndQuery;
use prost::Message;
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;
use tonic::Status;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};

use crate::api::StreamAccountsRequest;

/// So much may be on its way to the client, so that no side waits for its window.
const WINDOW_BYTES: u32 = 16 << 20;

/// Where Rowcall says where an answer came from.
const CACHE: &str = "rowcall-cache";

/// One thread, as h2load has.
pub struct Client {
    runtime: Runtime,
}

/// What a stream brought.
#[derive(Debug, Clone, Copy)]
pub struct Streamed {
    pub messages: usize,
    pub bytes: usize,
    pub seconds: f64,
}

impl Client {
    pub fn new() -> anyhow::Result<Client> {
        Ok(Client { runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()? })
    }

    /// One call's message, as bytes.
    pub fn call(&self, address: SocketAddr, method: &str, request: &impl Message) -> anyhow::Result<Bytes> {
        self.runtime.block_on(async {
            let mut grpc = Grpc::new(connect(address).await?);
            grpc.ready().await?;
            let request = tonic::Request::new(request.encode_to_vec().into());
            Ok(grpc.unary(request, path(method)?, Raw::default()).await?.into_inner())
        })
    }

    /// The part of these that Rowcall answers from what it has kept, by its own word.
    pub fn hits(&self, address: SocketAddr, method: &str, requests: Vec<Bytes>) -> anyhow::Result<f64> {
        self.runtime.block_on(async {
            let mut grpc = Grpc::new(connect(address).await?);
            let (all, mut hits) = (requests.len(), 0);
            for request in requests {
                grpc.ready().await?;
                let answer = grpc.unary(tonic::Request::new(request), path(method)?, Raw::default()).await?;
                let said = answer.metadata().get(CACHE).context("it does not say where answers come from")?;
                hits += usize::from(said.as_bytes().starts_with(b"hit"));
            }
            Ok(hits as f64 / all as f64)
        })
    }

    /// A whole stream; its messages go to `each` undecoded.
    pub fn stream(
        &self,
        address: SocketAddr,
        request: &StreamAccountsRequest,
        mut each: impl FnMut(Bytes) -> anyhow::Result<()>,
    ) -> anyhow::Result<Streamed> {
        self.runtime.block_on(async {
            let mut grpc = Grpc::new(connect(address).await?);
            grpc.ready().await?;
            let started = Instant::now();
            let request = tonic::Request::new(request.encode_to_vec().into());
            let path = path("AccountService/StreamAccounts")?;
            let mut answers = grpc.server_streaming(request, path, Raw::default()).await?.into_inner();
            let mut streamed = Streamed { messages: 0, bytes: 0, seconds: 0.0 };
            while let Some(message) = answers.message().await? {
                streamed.messages += 1;
                streamed.bytes += message.len();
                each(message)?;
            }
            streamed.seconds = started.elapsed().as_secs_f64();
            Ok(streamed)
        })
    }

    /// `COPY … TO STDOUT (FORMAT binary)`, counted.
    pub fn copy(&self, database: &str, statement: &str) -> anyhow::Result<Streamed> {
        self.runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(database, NoTls).await?;
            let connection = tokio::spawn(connection);
            let started = Instant::now();
            let mut rows = std::pin::pin!(client.copy_out(statement).await?);
            let mut streamed = Streamed { messages: 0, bytes: 0, seconds: 0.0 };
            while let Some(row) = rows.try_next().await? {
                streamed.messages += 1;
                streamed.bytes += row.len();
            }
            streamed.seconds = started.elapsed().as_secs_f64();
            drop(client);
            connection.await??;
            Ok(streamed)
        })
    }
}

async fn connect(address: SocketAddr) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .tcp_nodelay(true);
    endpoint.connect().await.context("the server does not accept a connection")
}

fn path(method: &str) -> anyhow::Result<PathAndQuery> {
    Ok(PathAndQuery::try_from(format!("/load.v1.{method}"))?)
}

/// Messages as they are.
#[derive(Default)]
struct Raw(PhantomData<()>);

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw::default()
    }

    fn decoder(&mut self) -> Raw {
        Raw::default()
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
