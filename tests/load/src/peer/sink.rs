//! Any export → read, and answered as if it had been kept: what sending telemetry costs by itself.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tonic::body::Body;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

/// A message without fields, which every export may be answered with.
const EMPTY: &[u8] = &[0; 5];

pub async fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let incoming = TcpIncoming::bind(address)?;
    let taken = tower::service_fn(|request: Request<Body>| async {
        let mut body = request.into_body();
        while body.frame().await.is_some() {}
        let trailers = HeaderMap::from_iter([(tonic::Status::GRPC_STATUS, HeaderValue::from_static("0"))]);
        let frames = [Frame::data(Bytes::from_static(EMPTY)), Frame::trailers(trailers)];
        let body = StreamBody::new(tokio_stream::iter(frames.map(Ok::<_, Infallible>)));
        let mut response = Response::new(body);
        let kind = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
        Ok::<_, Infallible>(response)
    });
    Ok(Server::builder().serve_with_incoming(taken, incoming).await?)
}
