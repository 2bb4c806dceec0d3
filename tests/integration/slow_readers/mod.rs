//! Streams to callers who read slowly, or not at all: what they cost, and whom.

mod memory;
mod others;
mod stalls;

use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::encoding::{WireType, decode_key, decode_varint};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tonic::Request;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::codec::Streaming;

use crate::errors_shop::written;
use crate::grpc::Plain;
use crate::support::session::until;
use crate::support::{Client, Database, EMPTY, Served, database};

const CONTRACT: &str = r#"syntax = "proto3";
package slow.v1;
import "rowcall/v1/options.proto";
service Slow {
  rpc GetSample(GetSampleRequest) returns (Sample);
  rpc StreamSamples(StreamSamplesRequest) returns (stream StreamSamplesResponse);
}
message Sample { option (rowcall.v1.table) = {}; int64 sample_id = 1; string said = 2; }
message GetSampleRequest { int64 sample_id = 1; }
message StreamSamplesRequest { int32 chunk_size = 1; string resume_token = 2; }
message StreamSamplesResponse { repeated Sample samples = 1; string resume_token = 2; }
"#;

const STREAM: &str = "/slow.v1.Slow/StreamSamples";
const CHUNK: i64 = 1_000;

/// What most libraries take of a stream before it is read.
const WINDOW_BYTES: u32 = 64 * 1024;

/// A process of its own, so that its memory is its own, over a table with rows of about 100 bytes.
struct Slow {
    database: Database,
    served: Arc<Served>,
    client: Client,
    _contract: TempDir,
}

async fn slow(rows: i64, settings: &[(&str, &str)]) -> Slow {
    let database = database(EMPTY).await;
    let fill = format!(
        "CREATE UNLOGGED TABLE sample (sample_id bigint PRIMARY KEY, said text NOT NULL); \
         INSERT INTO sample SELECT n, repeat('x', 84) FROM generate_series(1, {rows}) AS n; \
         VACUUM ANALYZE sample"
    );
    for statement in fill.split("; ") {
        database.execute(statement).await;
    }
    let contract = written(CONTRACT);
    let mut arguments = vec!["--contract".to_owned(), contract.path().display().to_string()];
    arguments.extend(["--database".to_owned(), database.url.clone()]);
    for (name, value) in settings {
        arguments.extend(["--set".to_owned(), format!("{name}={value}")]);
    }
    let start = move || Served::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let served = tokio::task::spawn_blocking(start).await.expect("it starts");
    let address = served.address.parse().expect("an address");
    let client = Client::connect(contract.path().to_owned(), address).await;
    Slow { database, served: Arc::new(served), client, _contract: contract }
}

impl Slow {
    /// Returns once no connection of the server's is in use.
    async fn at_rest(&self) {
        let rest = "SELECT count(*) > 0 AND bool_and(state = 'idle') FROM pg_stat_activity \
                    WHERE datname = current_database() AND application_name = 'rowcall'";
        until(&self.database, rest).await;
    }

    /// A connection of its own.
    async fn connect(
        &self,
    ) -> Reader<impl GrpcService<Body, Error = hyper::Error, ResponseBody = Incoming> + Clone> {
        let socket = TcpStream::connect(&self.served.address).await.expect("the server listens");
        // What a stream's caller has not read keeps back no other stream of the connection.
        let shaken = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(100 * WINDOW_BYTES)
            .handshake(TokioIo::new(socket))
            .await;
        let (sender, connection) = shaken.expect("HTTP/2");
        tokio::spawn(connection);
        let service = tower::service_fn(move |request| sender.clone().send_request(request));
        let origin = format!("http://{}", self.served.address).parse().expect("an address");
        Reader(Grpc::with_origin(service, origin))
    }
}

/// Opens streams on one connection.
#[derive(Clone)]
struct Reader<T>(Grpc<T>);

impl<T: GrpcService<Body, Error = hyper::Error, ResponseBody = Incoming>> Reader<T> {
    async fn stream(&mut self) -> Chunks {
        self.0.ready().await.expect("the connection stands");
        let (path, size) = (PathAndQuery::from_static(STREAM), CHUNK as u8);
        // chunk_size, as a varint of two bytes.
        let request = Bytes::from(vec![8, (size & 0x7f) | 0x80, (CHUNK >> 7) as u8]);
        let streamed = self.0.server_streaming(Request::new(request), path, Plain).await;
        Chunks { messages: streamed.expect("a stream").into_inner(), read: 0 }
    }
}

/// A stream whose rows must come once each, in order.
struct Chunks {
    messages: Streaming<Bytes>,
    /// The last row that came.
    read: i64,
}

impl Chunks {
    /// False at the end.
    async fn next(&mut self) -> bool {
        let Some(mut chunk) = self.messages.message().await.expect("a chunk, or the end") else {
            return false;
        };
        while let Ok((field, WireType::LengthDelimited)) = decode_key(&mut chunk) {
            let length = decode_varint(&mut chunk).expect("a length") as usize;
            let mut value = chunk.split_to(length);
            if field == 1 {
                assert_eq!(decode_key(&mut value), Ok((1, WireType::Varint)));
                self.read += 1;
                assert_eq!(decode_varint(&mut value).expect("an id") as i64, self.read);
            }
        }
        true
    }
}
