//! What the loop that asks and the calls that read have in common.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};

use super::{Following, Mode};
use crate::cache::{self, Epoch, Ledger};

/// One per process; clones are the same.
#[derive(Debug, Clone)]
pub struct Feed {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ledger: Ledger,
    following: ArcSwap<Following>,
    nudge: Notify,
    /// Polls asked so far.
    asked: AtomicU64,
    /// The highest of them whose answer was heard.
    heard: watch::Sender<u64>,
    counts: Mutex<Counts>,
    /// Which database it is, once it has said so.
    system: AtomicU64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    heard_at: Option<Instant>,
    took: Duration,
    changes: u64,
    gaps: u64,
    resets: u64,
    failures: u64,
}

/// The feed in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Since the last heard poll was asked; None when none was.
    pub age: Option<Duration>,
    /// How long that poll took.
    pub took: Duration,
    pub tables_tracked: usize,
    pub tables_untracked: usize,
    /// Polls heard, and changes in them.
    pub polls: u64,
    pub changes: u64,
    /// What happened in between was forgotten by the database, or was too much to hear.
    pub gaps: u64,
    /// Lives of the database that began for us.
    pub resets: u64,
    /// Polls that failed.
    pub failures: u64,
}

impl Feed {
    /// Nothing is followed until a loop asks.
    pub fn new(limits: cache::Limits, now: Instant) -> Self {
        let shared = Shared {
            ledger: Ledger::new(limits, now),
            following: ArcSwap::default(),
            nudge: Notify::new(),
            asked: AtomicU64::new(0),
            heard: watch::channel(0).0,
            counts: Mutex::default(),
            system: AtomicU64::new(0),
        };
        Feed { shared: Arc::new(shared) }
    }

    pub fn ledger(&self) -> &Ledger {
        &self.shared.ledger
    }

    /// How each table is followed. Take it before an answer is read or judged, not after.
    pub fn following(&self) -> Arc<Following> {
        self.shared.following.load_full()
    }

    /// The same for a look at it, as every read has one: it counts no references.
    pub fn look<T>(&self, look: impl FnOnce(&Following) -> T) -> T {
        look(&self.shared.following.load())
    }

    /// Has the primary asked now instead of at the next interval.
    pub fn nudge(&self) {
        self.shared.nudge.notify_one();
    }

    /// Returns when a poll has been heard that was asked after this call. Nobody promises that there is one: bound the wait.
    pub async fn polled(&self) {
        let wanted = self.shared.asked.load(Ordering::SeqCst) + 1;
        let mut heard = self.shared.heard.subscribe();
        self.nudge();
        // The sender lives as long as we do.
        let _ = heard.wait_for(|heard| *heard >= wanted).await;
    }

    pub fn status(&self, now: Instant) -> Status {
        let counts = *self.counts();
        let (mut tracked, mut untracked) = (0, 0);
        for (_, mode) in self.following().iter() {
            *(if mode == Mode::Tracked { &mut tracked } else { &mut untracked }) += 1;
        }
        Status {
            age: counts.heard_at.map(|at| now.saturating_duration_since(at)),
            took: counts.took,
            tables_tracked: tracked,
            tables_untracked: untracked,
            polls: *self.shared.heard.borrow(),
            changes: counts.changes,
            gaps: counts.gaps,
            resets: counts.resets,
            failures: counts.failures,
        }
    }

    /// Returns when somebody wants a poll.
    pub(crate) async fn nudged(&self) {
        self.shared.nudge.notified().await;
    }

    /// Before a poll is asked: its number.
    pub(crate) fn asking(&self) -> u64 {
        self.shared.asked.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// One task does.
    pub(crate) fn follow(&self, following: Following) {
        let number = self.shared.following.load().number() + 1;
        self.shared.following.store(Arc::new(following.numbered(number)));
    }

    /// After the ledger has taken a poll's answer in.
    pub(crate) fn heard(&self, poll: u64, asked_at: Instant, changes: usize) {
        let mut counts = self.counts();
        counts.heard_at = Some(asked_at);
        counts.took = asked_at.elapsed();
        counts.changes += changes as u64;
        drop(counts);
        self.shared.heard.send_modify(|heard| *heard = poll);
    }

    pub(crate) fn missed(&self) {
        self.counts().gaps += 1;
    }

    /// A life of a database begins for us; of which one is what epochs are made of.
    pub(crate) fn began(&self, system: u64) {
        self.shared.system.store(system, Ordering::SeqCst);
        self.counts().resets += 1;
    }

    /// The epoch that a server is in which has this nonce: `schema::LIFE`, as read there.
    pub fn epoch_of(&self, nonce: &str) -> Epoch {
        Epoch::of(self.shared.system.load(Ordering::SeqCst), nonce.as_bytes())
    }

    pub(crate) fn failed(&self) {
        self.counts().failures += 1;
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
