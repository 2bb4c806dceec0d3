//! Statements → raw columns: a pool of connections that speak Postgres' protocol.
//!
//! The driver is `postgres-protocol` (messages, SCRAM) under connections of our own, pooled by bb8.
//! tokio-postgres, which is built on the same crate, looks up every type it does not know with
//! named statements, allocates per row, and ends each statement with its own Sync; behind a pooler
//! by transaction all three are wrong.

mod admit;
mod answers;
mod cancel;
mod connect;
mod connection;
mod conninfo;
mod dial;
mod elsewhere;
mod encode;
mod error;
mod fixed;
mod hedge;
mod lookout;
mod peer;
mod pool;
mod prepared;
mod queue;
mod ran;
mod rewritten;
mod rows;
mod seen;
mod servers;
mod session;
mod settings;
mod standby;
mod startup;
mod tls;

mod wire;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;

pub use elsewhere::{Elsewhere, Failure, Miss};
pub use error::{Error, SqlFailure};
pub use peer::{Peer, Peers};
pub use ran::{Journal, Ran};
pub use rows::{Row, Rows};
pub use servers::{Server, Servers};
pub use session::{Described, Ending, Limit, Mode, Seen, Session, Sight, StatementTimeout, Want};
pub use settings::{Access, Encoding, Pooler, Purpose, Replicas, Role, Settings};
pub use standby::{Found, Standby, State};

use connect::Connector;
use pool::{Attempt, Checkout, Connections};
use queue::Queue;
use seen::Looks;
use session::Cleanup;

/// A database; clones share one pool.
#[derive(Clone)]
pub struct Postgres {
    inner: Arc<Inner>,
}

struct Inner {
    /// None once closed.
    open: Mutex<Option<Open>>,
    /// Ends when the last session and the last cancel have.
    ended: tokio::sync::Mutex<mpsc::Receiver<Infallible>>,
    reachable: watch::Receiver<bool>,
    settings: Settings,
    place: String,
    peers: Peers,
    /// Among the pools of the process.
    name: String,
    /// Of the pool, to be looked at without its lock.
    queue: Arc<Queue>,
    /// What a run asks that has to say what it read.
    looks: ArcSwap<Looks>,
}

#[derive(Clone)]
struct Open {
    connections: Connections,
    cleanup: Cleanup,
}

/// What the pool holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub connections: u32,
    pub idle: u32,
}

impl Postgres {
    /// Reads the URL and the files it names, and begins to connect; does not wait for it. Call it
    /// within a tokio runtime. The error says what is wrong with the URL.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let connector = Arc::new(Connector::new(settings.clone())?);
        let peers = connector.conninfo.peers();
        let place = format!("{peers}/{}", connector.conninfo.dbname);
        let name = match (settings.purpose.name(), settings.role) {
            (Some(name), _) => name.to_owned(),
            (None, Role::Standby) => format!("standby {peers}"),
            (None, Role::Any | Role::Primary) => "primary".to_owned(),
        };
        let meter = settings.telemetry.pool(&name);
        let settings = connector.settings.clone();
        let connections = Connections::new(connector, meter);
        let (sender, reachable) = watch::channel(false);
        let (open, ended) = mpsc::channel(1);
        let cleanup = Cleanup {
            cancels: Arc::new(Semaphore::new(settings.cancels_max.max(1))),
            wait_max: settings.cancel_wait_max,
            statement_max: settings.statement_max,
            _open: open,
        };
        let queue = connections.queue();
        let open = Mutex::new(Some(Open { connections, cleanup }));
        let looks = ArcSwap::from_pointee(Looks::new(settings.role, None));
        let ended = ended.into();
        let inner = Inner { open, ended, reachable, settings, place, peers, name, queue, looks };
        let inner = Arc::new(inner);
        tokio::spawn(probe(Arc::downgrade(&inner), sender));
        Ok(Postgres { inner })
    }

    /// A connection for one call. Unreachable at once when there is none and the last attempt
    /// failed; Busy when none will come free in time, or none came within `wait_max`.
    pub async fn session(&self, want: Want) -> Result<Session, Error> {
        let Open { connections, cleanup } = self.inner.open()?;
        let checkout = connections.take(want.deadline).await?;
        Ok(self.new_session(checkout, want, cleanup))
    }

    /// The same without waiting for other callers: Busy when they have all connections there may be.
    pub(super) async fn session_now(&self, want: Want) -> Result<Session, Error> {
        let Open { connections, cleanup } = self.inner.open()?;
        let checkout = connections.take_free(want.deadline).await?;
        Ok(self.new_session(checkout, want, cleanup))
    }

    fn new_session(&self, checkout: Checkout, want: Want, cleanup: Cleanup) -> Session {
        Session::new(checkout, want, self.inner.looks.load_full(), cleanup)
    }

    /// Calls that wait for a connection.
    pub fn waiting(&self) -> usize {
        self.inner.queue.waiting()
    }

    /// Connections there may be.
    pub fn connections_max(&self) -> usize {
        self.inner.queue.load().1
    }

    /// Its name among the pools of the process.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Connections in use, and how many there may be; without a lock.
    pub(super) fn load(&self) -> (usize, usize) {
        self.inner.queue.load()
    }

    /// Sessions from now on ask for it with every look.
    pub(super) fn witness(&self, witness: &str) {
        self.inner.looks.store(Arc::new(Looks::new(self.inner.settings.role, Some(witness))));
    }

    /// No connection that was made before is given out any more.
    pub(super) fn renew(&self) {
        if let Ok(Open { connections, .. }) = self.inner.open() {
            connections.renew();
        }
    }

    /// Whether the database answers, as far as was seen last.
    pub fn reachable(&self) -> watch::Receiver<bool> {
        self.inner.reachable.clone()
    }

    /// Where the database is, for people: hosts and database, and no secret.
    pub fn place(&self) -> &str {
        &self.inner.place
    }

    /// Tells one pool from another, for as long as it lives.
    pub fn id(&self) -> usize {
        Arc::as_ptr(&self.inner) as usize
    }

    /// Where the server may be.
    pub fn peers(&self) -> &Peers {
        &self.inner.peers
    }

    pub fn counts(&self) -> Counts {
        let (connections, idle) = self.inner.open().map(|open| open.connections.counts()).unwrap_or_default();
        Counts { connections, idle }
    }

    /// Takes no more sessions, and waits for those there are, at most `cancel_wait_max`.
    pub async fn close(&self) {
        drop(self.inner.open.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut ended = self.inner.ended.lock().await;
        // Late ones close their connections themselves.
        let _ = timeout(self.inner.settings.cancel_wait_max, ended.recv()).await;
    }
}

impl Inner {
    fn open(&self) -> Result<Open, Error> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.clone().ok_or_else(|| Error::Unreachable("the pool is closed".to_owned()))
    }
}

/// Keeps `reachable` true to what attempts and idle connections show, for as long as there is a pool.
async fn probe(inner: std::sync::Weak<Inner>, reachable: watch::Sender<bool>) {
    loop {
        let Some(strong) = inner.upgrade() else { return };
        let Ok(Open { connections, .. }) = strong.open() else { return };
        let (settings, mut attempts) = (strong.settings.clone(), connections.attempts());
        drop(strong);
        attempts.mark_unchanged();
        let (open, idle) = connections.counts();
        // All in use: those who use them find out.
        if open == 0 || idle > 0 {
            match connections.look(Instant::now() + settings.connect_timeout).await {
                Ok(_) => set(&reachable, true),
                // Others were quicker; that says nothing of the database.
                Err(Error::Busy) => {}
                Err(_) => set(&reachable, false),
            }
        }
        drop(connections);
        tokio::select! {
            _ = tokio::time::sleep(settings.probe_every) => {}
            Ok(()) = attempts.changed() => {
                let succeeded = matches!(*attempts.borrow(), Attempt::Succeeded);
                if succeeded {
                    set(&reachable, true);
                }
                tokio::time::sleep(settings.probe_every).await;
            }
        }
    }
}

fn set(reachable: &watch::Sender<bool>, now: bool) {
    reachable.send_if_modified(|before| std::mem::replace(before, now) != now);
}
