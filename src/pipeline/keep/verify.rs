//! One hit in so many → a sample to be read again; an answer that should have been another → its tables are not trusted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::{Mutex, mpsc};

use crate::cache::Entry;
use crate::call::Call;
use crate::catalog::Oid;
use crate::plan::{Method, Plans};

/// Samples that wait to be read again; while so many do, no further one is taken.
const WAITING_MAX: usize = 16;

/// A kept answer that was served, and what it answered.
pub struct Sample {
    pub plans: Arc<Plans>,
    pub method: Arc<Method>,
    pub call: Call,
    pub request: Bytes,
    pub entry: Arc<Entry>,
}

/// What reading again has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    Same,
    /// It could not be read, or something has changed since.
    Unknown,
    /// Nothing has changed, and yet it is another.
    Other,
}

/// Takes samples, and remembers what came of them.
pub struct Verifier {
    /// 0 takes none.
    one_in: u32,
    samples: mpsc::Sender<Sample>,
    waiting: Mutex<mpsc::Receiver<Sample>>,
    same: AtomicU64,
    other: AtomicU64,
    /// Whether there is anything in `distrusted`, which most calls need not look into.
    distrusts: AtomicBool,
    distrusted: ArcSwap<BTreeSet<Oid>>,
}

/// Samples so far, by what they showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    pub same: u64,
    pub other: u64,
}

impl Verifier {
    pub fn new(one_in: u32) -> Self {
        let (samples, waiting) = mpsc::channel(WAITING_MAX);
        Verifier {
            one_in,
            samples,
            waiting: waiting.into(),
            same: AtomicU64::new(0),
            other: AtomicU64::new(0),
            distrusts: AtomicBool::new(false),
            distrusted: ArcSwap::default(),
        }
    }

    /// Whether this hit is one to be read again.
    pub fn picks(&self) -> bool {
        self.one_in > 0 && rand::random_ratio(1, self.one_in)
    }

    pub fn offer(&self, sample: Sample) {
        // One more would say nothing more.
        let _ = self.samples.try_send(sample);
    }

    pub async fn sampled(&self) -> Option<Sample> {
        self.waiting.lock().await.recv().await
    }

    pub fn count(&self, compared: Compared) {
        match compared {
            Compared::Same => self.same.fetch_add(1, Relaxed),
            Compared::Other => self.other.fetch_add(1, Relaxed),
            Compared::Unknown => 0,
        };
    }

    pub fn verified(&self) -> Verified {
        Verified { same: self.same.load(Relaxed), other: self.other.load(Relaxed) }
    }

    pub fn distrust(&self, entry: &Entry) {
        let tables = entry.label().into_iter().flat_map(|label| label.tags()).map(|tag| tag.table());
        let tables: BTreeSet<Oid> = tables.collect();
        self.distrusted.rcu(|known| known.union(&tables).copied().collect::<BTreeSet<Oid>>());
        self.distrusts.store(true, Relaxed);
    }

    pub fn distrusts(&self, tables: &[Oid]) -> bool {
        self.distrusts.load(Relaxed) && {
            let distrusted = self.distrusted.load();
            tables.iter().any(|table| distrusted.contains(table))
        }
    }
}
