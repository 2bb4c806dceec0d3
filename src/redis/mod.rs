//! Answers that one instance has read ↔ Redis, where the others find them.
//!
//! The second level of the cache, and optional. It stands beside `cache` and not in it because it does I/O, and it alone
//! knows the `redis` crate, as `postgres` alone knows its driver; the form of an entry is `cache`'s.
//!
//! ```text
//!              nothing is under way
//! get ──► lane ────────────────────► round trip ──► entries, to be judged like one's own
//!           │ else                     ▲
//!           └─► waits ── all that wait ┘  one pipeline
//!
//! put ──► queue, bounded in entries and bytes ──► pipelines of SET … PX what is left of its time to live
//!
//!             failures_max round trips in a row failed or took longer than wait_max
//! answering ───────────────────────────────────────────────────────────────────────► set aside
//!     ▲                                                                                  │
//!     └────────── a new connection answers; tried at growing intervals, one at a time ───┘
//! ```
//!
//! Nobody waits for Redis for longer than `wait_max`. Set aside it costs nothing: lookups find nothing at once, and what
//! would be stored is dropped.
//!
//! **Freshness never depends on it.** An entry from here carries the snapshot it was read with, and who asked judges it by
//! the changes that their own process has heard of. Whatever Redis says, now or later, lost, flushed, rolled back to an
//! old dump or written by an instance that fell behind, is either provably fresh or not served. What it has not is read.
//!
//! What comes back is bounded: GETRANGE asks for at most one byte more than an entry may have, whatever Redis keeps
//! under that key, and a round trip asks for at most `batch_max` of them.

mod door;
mod error;
mod link;
mod lookups;
mod names;
mod puts;
mod settings;
mod status;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::cache::{Entry, Epoch, Key, Moment};
use door::Door;
pub use error::Error;
use link::Place;
use lookups::Ticket;
use names::Names;
use puts::Puts;
pub use settings::{Kind, Settings, Tls};
use status::Counts;
pub use status::Status;

/// A Redis that is used when it can be. Cheap to clone; its work ends with the last clone.
#[derive(Clone)]
pub struct Redis {
    inner: Arc<Inner>,
    tickets: mpsc::Sender<Ticket>,
    puts: Puts,
    _work: Arc<JoinSet<()>>,
}

struct Inner {
    settings: Settings,
    names: Names,
    door: Door,
    counts: Counts,
}

impl Redis {
    /// Fails when the settings cannot be used. It connects later, in work of its own: a Redis that is not there delays
    /// nobody. To be called in a runtime.
    pub fn start(settings: Settings) -> Result<Redis, Error> {
        let place = Place::new(&settings)?;
        let (tickets, asked) = mpsc::channel(settings.waiting_max.max(1));
        let (puts, queued) = Puts::new(&settings);
        let inner = Arc::new(Inner {
            names: Names::new(&settings.prefix),
            door: Door::new(settings.failures_max),
            counts: Counts::default(),
            settings,
        });
        let mut work = JoinSet::new();
        work.spawn(door::keep(inner.clone(), place));
        work.spawn(lookups::drive(inner.clone(), asked));
        work.spawn(puts::drive(inner.clone(), queued));
        Ok(Redis { inner, tickets, puts, _work: Arc::new(work) })
    }

    /// What Redis has of these, in their order, after at most `wait_max`; nothing it should have is ever waited for.
    /// `epoch` is the ledger's. Whether an entry may be served is for the caller to judge.
    pub async fn get(&self, epoch: Epoch, keys: &[Key]) -> Vec<Option<Entry>> {
        let Inner { settings, names, door, counts } = &*self.inner;
        counts.lookups.add(keys.len());
        if door.live().is_none() {
            return keys.iter().map(|_| None).collect();
        }
        let until = Instant::now() + settings.wait_max;
        let asked: Vec<_> = keys
            .chunks(settings.batch_max.max(1))
            .map(|keys| lookups::ask(&self.tickets, keys.iter().map(|key| names.of(epoch, *key)).collect()))
            .collect();
        let mut found = Vec::with_capacity(keys.len());
        for (answer, keys) in asked.into_iter().zip(keys.chunks(settings.batch_max.max(1))) {
            let values = match answer {
                Some(answer) => tokio::time::timeout_at(until.into(), answer).await.ok().and_then(Result::ok),
                None => None,
            };
            match &values {
                None => counts.late.add(keys.len()),
                Some(values) => counts.missed.add(values.iter().filter(|value| value.is_none()).count()),
            }
            let mut values = values.unwrap_or_default().into_iter();
            let now = Moment { monotonic: Instant::now(), wall: SystemTime::now() };
            for key in keys {
                let value = values.next().flatten();
                found.push(value.and_then(|bytes| match Entry::from_bytes(*key, &bytes, now) {
                    Some(entry) if entry.label().is_some_and(|label| label.epoch() == epoch) => {
                        counts.hits.add(1);
                        Some(entry)
                    }
                    _ => {
                        counts.unreadable.add(1);
                        None
                    }
                }));
            }
        }
        found
    }

    /// Queues an entry to be stored for as long as it lives, or drops it. Never waits.
    pub fn put(&self, key: Key, entry: &Arc<Entry>) {
        match self.inner.door.live() {
            Some(_) if self.puts.push(key, entry) => {}
            _ => self.inner.counts.dropped.add(1),
        }
    }

    /// Whether lookups reach Redis, now and from now on.
    pub fn answering(&self) -> watch::Receiver<bool> {
        self.inner.door.answering()
    }

    pub fn status(&self) -> Status {
        self.inner.counts.status(self.inner.door.live().is_some())
    }
}
