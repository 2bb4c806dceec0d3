//! A number that a writer raises → which values a reader may see.
//!
//! What was acknowledged before a call began is the least it may see; what was begun before it ended
//! is the most. A transaction whose end nobody heard of may count or not.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
pub struct Window {
    committed: AtomicU64,
    begun: AtomicU64,
}

impl Window {
    /// Before a transaction that writes this.
    pub fn begin(&self, version: u64) {
        self.begun.fetch_max(version, Ordering::SeqCst);
    }

    /// Once its end is known: by the acknowledgement, or by having looked.
    pub fn commit(&self, version: u64) {
        self.committed.fetch_max(version, Ordering::SeqCst);
    }

    /// What is known to be there.
    pub fn committed(&self) -> u64 {
        self.committed.load(Ordering::SeqCst)
    }

    /// What a call may answer that began when `committed` was this, and has ended now.
    pub fn since(&self, committed: u64) -> RangeInclusive<u64> {
        committed..=self.begun.load(Ordering::SeqCst)
    }
}
