//! One accepted socket → its calls, until it is closed, too old, or the server drains.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::compression::Peer;
use super::pipeline::Answers;
use super::reader::Calls;
use super::routes::Routes;
use super::settings::Settings;

pub async fn serve<A: Answers>(
    socket: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    routes: Arc<Routes<A>>,
    drain: CancellationToken,
) {
    let handshake_max = routes.settings.handshake_max;
    let peer = if address.ip().to_canonical().is_loopback() { Peer::Loopback } else { Peer::Elsewhere };
    // Small frames go at once; where the socket cannot do that, it only is slower.
    let _ = socket.set_nodelay(true);
    match tls {
        None => {
            // A socket that never says anything would hold its place until it is too old.
            if matches!(timeout(handshake_max, socket.peek(&mut [0])).await, Ok(Ok(1))) {
                run(socket, peer, routes, drain).await;
            }
        }
        Some(acceptor) => match timeout(handshake_max, acceptor.accept(socket)).await {
            Ok(Ok(socket)) => run(socket, peer, routes, drain).await,
            Ok(Err(error)) => tracing::debug!(%address, %error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%address, "a TLS handshake took too long"),
        },
    }
}

async fn run<A, I>(io: I, peer: Peer, routes: Arc<Routes<A>>, drain: CancellationToken)
where
    A: Answers,
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let settings = routes.settings.clone();
    let calls = service_fn(move |request| {
        let routes = routes.clone();
        async move { Ok::<_, Infallible>(routes.answer(request, peer).await) }
    });
    let connection = protocol(&settings).serve_connection(TokioIo::new(io), calls);
    tokio::pin!(connection);
    let grace = tokio::select! {
        _ = connection.as_mut() => return,
        () = drain.cancelled() => settings.drain_grace,
        () = sleep(age(&settings)) => settings.age_grace,
    };
    // GOAWAY: what runs may end, what is new goes elsewhere.
    connection.as_mut().graceful_shutdown();
    let _ = timeout(grace, connection).await;
}

fn protocol(settings: &Settings) -> http2::Builder<Calls> {
    let mut builder = http2::Builder::new(Calls { unread_max: settings.unread_max });
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_concurrent_streams(settings.streams_max)
        .max_header_list_size(settings.headers_bytes_max)
        .keep_alive_interval(settings.keepalive_interval)
        .keep_alive_timeout(settings.keepalive_timeout);
    builder
}

/// Connections that came together do not go together.
fn age(settings: &Settings) -> Duration {
    settings.age_max + rand::random_range(Duration::ZERO..=settings.age_jitter)
}
