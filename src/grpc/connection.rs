//! One accepted socket → its calls, until it is closed, has no right to go on, or the server drains.
//!
//! ```text
//! accepted ─► TLS ─► preface ─► open ─► going ─► closed
//! ```
//! TLS, the preface and the first settings have `handshake_max` together. Open becomes going, by
//! GOAWAY, when the server drains, when the connection is too old, and when it is idle; what then
//! still runs has a grace. `pulse` says what ends a connection at once.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::calls::{Begun, Running};
use super::compression::Peer;
use super::owed::{Owed, Under};
use super::pipeline::Answers;
use super::preface::{self, Began};
use super::pulse::{End, Pulse, Watch};
use super::routes::Routes;
use super::settings::Settings;
use super::socket::Socket;

/// An accepted socket, and what it needs to become calls.
pub struct Connection<A> {
    pub address: SocketAddr,
    pub routes: Arc<Routes<A>>,
    pub drain: CancellationToken,
}

impl<A: Answers> Connection<A> {
    pub async fn serve(self, socket: TcpStream, tls: Option<TlsAcceptor>) {
        let settings = &self.routes.settings;
        let open_by = Instant::now() + settings.handshake_max;
        // Small frames go at once; where the socket cannot do that, it only is slower.
        let _ = socket.set_nodelay(true);
        // Data that nobody acknowledges is given up with its socket, closed or not.
        let _ = SockRef::from(&socket).set_tcp_user_timeout(Some(settings.stall_max));
        match tls {
            None => self.open(socket, open_by).await,
            Some(acceptor) => match timeout_at(open_by, acceptor.accept(socket)).await {
                Ok(Ok(socket)) => self.open(socket, open_by).await,
                Ok(Err(error)) => tracing::debug!(address = %self.address, %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(address = %self.address, "a TLS handshake took too long"),
            },
        }
    }

    async fn open<I>(self, mut io: I, open_by: Instant)
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        match timeout_at(open_by, preface::read(&mut io)).await {
            Ok(Ok(Began::Http2)) => self.run(io, open_by).await,
            Ok(Ok(began)) => tracing::debug!(address = %self.address, ?began, "a connection is not HTTP/2"),
            Ok(Err(error)) => tracing::debug!(address = %self.address, %error, "a connection broke"),
            Err(_) => tracing::debug!(address = %self.address, "a connection took too long to begin"),
        }
    }

    async fn run<I>(self, io: I, open_by: Instant)
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Connection { address, routes, drain } = self;
        let settings = routes.settings.clone();
        let peer = if address.ip().to_canonical().is_loopback() { Peer::Loopback } else { Peer::Elsewhere };
        let pulse = Arc::<Pulse>::default();
        let io = TokioIo::new(Socket::new(io, pulse.clone(), &settings));
        let begun = pulse.clone();
        let calls = service_fn(move |request| {
            let (routes, pulse) = (routes.clone(), begun.clone());
            let call = Under::way(pulse.clone());
            // Boxed, since hyper and tokio move a call several times before it first runs.
            Box::pin(async move {
                pulse.room(routes.settings.answers_bytes_max).await;
                let response = routes.answer(request, peer).await;
                Ok::<_, Infallible>(response.map(|body| Owed::new(body, call)))
            })
        });
        let own = Begun::new(settings.unread_max);
        let mut running = Running::new(own.clone());
        let connection = protocol(&settings, own).serve_connection(io, calls);
        tokio::pin!(connection);
        let now = Instant::now();
        let interval = Watch::interval(&settings);
        let mut watch = Watch::new(pulse, open_by.into_std());
        let old_at = now + age(&settings);
        let mut gone_by = None;
        let drained = drain.cancelled();
        let look = sleep_until(old_at.min(now + interval));
        tokio::pin!(drained, look);
        loop {
            let grace = tokio::select! {
                _ = poll_fn(|context| running.poll_with(context, |context| connection.as_mut().poll(context))) => return,
                () = drained.as_mut(), if gone_by.is_none() => settings.drain_grace,
                () = look.as_mut() => {
                    let now = Instant::now();
                    let end = watch.look(&settings, now.into_std());
                    let next = gone_by.unwrap_or(old_at).min(now + interval);
                    look.as_mut().reset(next);
                    match (end, gone_by) {
                        (Some(end @ (End::Unfinished | End::Stalled)), _) => {
                            tracing::debug!(%address, ?end, "a connection was closed");
                            return;
                        }
                        (_, Some(gone_by)) if now >= gone_by => return,
                        (Some(End::Idle), None) => settings.age_grace,
                        (None, None) if now >= old_at => settings.age_grace,
                        _ => continue,
                    }
                }
            };
            // GOAWAY: what runs may end, what is new goes elsewhere.
            connection.as_mut().graceful_shutdown();
            let now = Instant::now();
            gone_by = Some(now + grace);
            look.as_mut().reset(now + grace.min(interval));
        }
    }
}

fn protocol(settings: &Settings, calls: Begun) -> http2::Builder<Begun> {
    let mut builder = http2::Builder::new(calls);
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_concurrent_streams(settings.streams_max)
        // A caller may leave all of its calls in one packet, before any was looked at.
        .max_pending_accept_reset_streams(settings.streams_max as usize)
        .max_header_list_size(settings.headers_bytes_max)
        .max_send_buf_size(settings.send_buffer_bytes)
        .initial_stream_window_size(settings.receive_buffer_bytes)
        .initial_connection_window_size(settings.receive_buffer_bytes)
        .keep_alive_interval(settings.keepalive_interval)
        .keep_alive_timeout(settings.keepalive_timeout);
    builder
}

/// Connections that came together do not go together.
fn age(settings: &Settings) -> Duration {
    settings.age_max + rand::random_range(Duration::ZERO..=settings.age_jitter)
}
