//! An address → connections, until the server is told to stop and has drained.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Error;
use super::connection::Connection;
use super::health::Health;
use super::pipeline::Answers;
use super::reflection::Reflection;
use super::refusals::Refusals;
use super::routes::Routes;
use super::settings::Settings;
use super::tls::Certificates;
use crate::feed::Feed;

/// When the process has no file descriptor left, the next connection is looked at after this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound listener; connections wait in the kernel's backlog until it serves.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    certificates: Option<Certificates>,
    settings: Settings,
    load: Load,
}

/// What there is room for, and how much of it is left.
#[derive(Debug, Clone)]
pub struct Load {
    connections: Arc<Semaphore>,
    connections_max: usize,
    calls: Arc<Semaphore>,
    calls_max: usize,
}

impl Load {
    fn new(settings: &Settings) -> Self {
        let Settings { connections_max, calls_max, .. } = *settings;
        let (connections, calls) = (Semaphore::new(connections_max), Semaphore::new(calls_max));
        Load { connections: connections.into(), connections_max, calls: calls.into(), calls_max }
    }

    /// Connections open, and how many there may be.
    pub fn connections(&self) -> (usize, usize) {
        (self.connections_max.saturating_sub(self.connections.available_permits()), self.connections_max)
    }

    /// Calls under way, and how many there may be.
    pub fn calls(&self) -> (usize, usize) {
        (self.calls_max.saturating_sub(self.calls.available_permits()), self.calls_max)
    }
}

/// What the rest of the process tells the listener.
#[derive(Debug, Clone)]
pub struct Signs {
    /// Whether the database answers.
    pub database: watch::Receiver<bool>,
    /// Changed when the plans were replaced.
    pub loads: watch::Receiver<u64>,
    /// How fresh kept answers can be proved to be, for who asks how it stands.
    pub feed: Feed,
    /// No new calls, an end to those there are, and `serve` returns.
    pub drain: CancellationToken,
}

impl Server {
    pub async fn bind(settings: Settings) -> Result<Server, Error> {
        let certificates = settings.tls.as_ref().map(Certificates::load).transpose()?;
        let bound = |source| Error::Bind { address: settings.address, source };
        let listener = TcpListener::bind(settings.address).await.map_err(bound)?;
        let address = listener.local_addr().map_err(bound)?;
        let load = Load::new(&settings);
        Ok(Server { listener, address, certificates, settings, load })
    }

    /// How busy it is; for as long as it is wanted.
    pub fn load(&self) -> Load {
        self.load.clone()
    }

    /// With the port that the system chose, where the settings say 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// For a reload of the certificates, where there are any.
    pub fn certificates(&self) -> Option<Certificates> {
        self.certificates.clone()
    }

    /// Until told to drain, and then at most `drain_grace`: what still runs then is cut off.
    pub async fn serve<A: Answers>(self, answers: Arc<A>, signs: Signs) {
        let Server { listener, certificates, settings, load, .. } = self;
        let drain = signs.drain.clone();
        let grace = settings.drain_grace;
        let routes = Arc::new(Routes {
            health: Health::new(answers.clone(), signs),
            reflection: Reflection::new(answers.clone(), settings.reflection_options, drain.clone()),
            calls: load.calls.clone(),
            refusals: Refusals::new(settings.refusals_per_second),
            answers,
            settings,
        });
        let mut connections = JoinSet::new();
        loop {
            let (socket, address) = tokio::select! {
                biased;
                () = drain.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&listener) => accepted,
            };
            // Closed rather than kept waiting: a caller's library then looks for another instance.
            let Ok(place) = load.connections.clone().try_acquire_owned() else {
                tracing::debug!(%address, "a connection more than listener.connections_max is closed");
                continue;
            };
            let tls = certificates.as_ref().map(Certificates::acceptor);
            let connection = Connection { address, routes: routes.clone(), drain: drain.clone() };
            connections.spawn(async move {
                connection.serve(socket, tls).await;
                drop(place);
            });
        }
        drop(listener);
        let _ = timeout(grace, async { while connections.join_next().await.is_some() {} }).await;
        connections.shutdown().await;
    }
}

/// The next connection.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
