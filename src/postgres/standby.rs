//! One standby: its pool, what was last found of it, and whether reads may go there now.
//!
//! ```text
//!   unseen ──look──► ready ◄──look──► behind
//!                    │  ▲ (doubted until the next look; resting for a moment)
//!                    ▼  │
//!                    down, promoted, foreign
//! ```
//!
//! A look is the watch's; it finds the state. A read that met something odd cannot tell a lost connection from a lost server, so
//! it only *doubts*: the standby is out of the choice until a look that was sent after the doubt finds it good. A read
//! that met an answer too old lets it *rest*, since a look would find nothing wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{Notify, watch};

use super::elsewhere::Elsewhere;
use super::error::Error;
use super::session::{Session, Sight, Want};
use super::{Counts, Postgres};

/// A standby; clones share its pool.
#[derive(Clone)]
pub struct Standby {
    inner: Arc<Inner>,
}

struct Inner {
    postgres: Postgres,
    started: Instant,
    rest: Duration,
    found: ArcSwap<Found>,
    states: watch::Sender<State>,
    /// Nanoseconds since `started`, as is `rests_until`.
    doubted: AtomicU64,
    rests_until: AtomicU64,
    /// Wakes the watch.
    nudge: Notify,
}

/// What a look has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub state: State,
    /// Its `pg_current_snapshot()`, which on a standby lists nothing in progress; empty before the first look.
    pub snapshot: Box<str>,
    /// Of that snapshot: the changes of all transactions before it are here.
    pub xmin: u64,
    /// Of that snapshot: none of those from it on are.
    pub xmax: u64,
    /// The end of the WAL that is replayed.
    pub replayed: u64,
    /// For how long the primary is known to have had what is not replayed here, at least.
    pub behind: Duration,
    /// When the look was sent.
    pub(super) looked: u64,
}

/// What a standby is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody has looked yet, or the primary has not said yet which database it is.
    Unseen,
    Ready,
    /// Further behind than `lag_max`.
    Behind,
    /// It does not answer.
    Down,
    /// It is in recovery no more.
    Promoted,
    /// It follows another database than ours.
    Foreign,
}

impl State {
    /// For metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Unseen => "unseen",
            State::Ready => "ready",
            State::Behind => "behind",
            State::Down => "down",
            State::Promoted => "promoted",
            State::Foreign => "foreign",
        }
    }
}

impl Found {
    pub(super) fn new(
        state: State,
        snapshot: Box<str>,
        (xmin, xmax): (u64, u64),
        replayed: u64,
        behind: Duration,
    ) -> Found {
        Found { state, snapshot, xmin, xmax, replayed, behind, looked: 0 }
    }
}

impl Standby {
    pub(super) fn new(postgres: Postgres, rest: Duration) -> Standby {
        let (states, _) = watch::channel(State::Unseen);
        let found = Found::new(State::Unseen, "".into(), (0, 0), 0, Duration::ZERO);
        let inner = Inner {
            postgres,
            started: Instant::now(),
            rest,
            found: ArcSwap::from_pointee(found),
            states,
            doubted: AtomicU64::new(0),
            rests_until: AtomicU64::new(0),
            nudge: Notify::new(),
        };
        Standby { inner: Arc::new(inner) }
    }

    /// A connection for one call, without waiting for other callers: Busy when they have all there may be. What its
    /// runs read is always told (`Session::seen`), and a run on a server that is in recovery no more is an error.
    pub async fn session(&self, want: Want) -> Result<Session, Error> {
        self.inner.postgres.session_now(Want { sight: Sight::Told, ..want }).await
    }

    pub fn counts(&self) -> Counts {
        self.inner.postgres.counts()
    }

    /// What the last look has found, without a lock.
    pub fn found(&self) -> Guard<Arc<Found>> {
        self.inner.found.load()
    }

    /// Every change of its state.
    pub fn states(&self) -> watch::Receiver<State> {
        self.inner.states.subscribe()
    }

    /// Whether reads may go there now.
    pub fn ready(&self) -> bool {
        self.fits(&|_| true)
    }

    /// The answer of a read that went there was too old: others rather go elsewhere for a moment.
    pub fn too_old(&self) {
        let until = self.now().saturating_add(nanoseconds(self.inner.rest));
        self.inner.rests_until.fetch_max(until, Ordering::Relaxed);
    }

    /// A read that went there was not answered: nobody goes there until a look has found it good.
    pub fn doubt(&self) {
        self.inner.doubted.fetch_max(self.now(), Ordering::AcqRel);
        self.look();
    }

    /// Asks for a look at once.
    pub(super) fn look(&self) {
        self.inner.nudge.notify_one();
    }

    /// What a read that failed there says of it.
    pub(super) fn blame(&self, why: Option<Elsewhere>) {
        match why {
            Some(Elsewhere::Gone) => self.doubt(),
            Some(Elsewhere::TooOld) => self.too_old(),
            Some(Elsewhere::Busy | Elsewhere::Said) | None => {}
        }
    }

    pub(super) fn fits(&self, wanted: &impl Fn(&Found) -> bool) -> bool {
        let found = self.inner.found.load();
        let rests_until = self.inner.rests_until.load(Ordering::Relaxed);
        found.state == State::Ready
            && found.looked > self.inner.doubted.load(Ordering::Acquire)
            && (rests_until == 0 || rests_until <= self.now())
            && wanted(&found)
    }

    /// Connections in use, and how many there may be.
    pub(super) fn load(&self) -> (usize, usize) {
        self.inner.postgres.load()
    }

    pub fn postgres(&self) -> &Postgres {
        &self.inner.postgres
    }

    pub(super) async fn nudged(&self) {
        self.inner.nudge.notified().await;
    }

    /// Nanoseconds of its own clock; never 0.
    pub(super) fn now(&self) -> u64 {
        nanoseconds(self.inner.started.elapsed()).max(1)
    }

    /// Takes what a look has found that was sent at `looked`, by its own clock; `why` there is nothing to find.
    pub(super) fn find(&self, found: Found, looked: u64, why: &str) {
        let state = found.state;
        if matches!(state, State::Promoted | State::Foreign) {
            // Before it is told: who hears of it gets none of its old connections.
            self.inner.postgres.renew();
        }
        self.inner.found.store(Arc::new(Found { looked, ..found }));
        let before = self.inner.states.send_replace(state);
        if before == state {
            return;
        }
        let peers = self.inner.postgres.peers();
        let (address, port) = (peers.address(), peers.port());
        match state {
            State::Ready => {
                tracing::info!(server.address = address, server.port = port, "reads go to the standby");
            }
            _ => tracing::warn!(
                server.address = address,
                server.port = port,
                state = state.as_str(),
                why,
                "no reads go to the standby"
            ),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
