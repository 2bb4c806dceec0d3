//! What was asked of Redis and what came of it, in numbers.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Whether lookups reach Redis; if not, it is set aside.
    pub answering: bool,
    /// Keys asked for, also while it is set aside.
    pub lookups: u64,
    /// Entries found.
    pub hits: u64,
    /// Keys that Redis was asked for and had nothing under.
    pub missed: u64,
    /// Keys whose lookup found no place in a round trip, or was not answered in time.
    pub late: u64,
    /// Values under our keys that are no entries, or too large to be asked for whole.
    pub unreadable: u64,
    /// Round trips of lookups and of stores.
    pub trips: u64,
    /// Of them, those that failed or took too long.
    pub failures: u64,
    /// Entries that Redis took.
    pub stored: u64,
    /// Entries that were not sent: set aside, too large, expired, or too much was waiting.
    pub dropped: u64,
    /// Entries that Redis did not take, out of memory or by its rules, or that were lost on the way.
    pub refused: u64,
}

#[derive(Default)]
pub(super) struct Counts {
    pub lookups: Count,
    pub hits: Count,
    pub missed: Count,
    pub late: Count,
    pub unreadable: Count,
    pub trips: Count,
    pub failures: Count,
    pub stored: Count,
    pub dropped: Count,
    pub refused: Count,
}

#[derive(Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub fn add(&self, number: usize) {
        self.0.fetch_add(number as u64, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Counts {
    pub fn status(&self, answering: bool) -> Status {
        Status {
            answering,
            lookups: self.lookups.get(),
            hits: self.hits.get(),
            missed: self.missed.get(),
            late: self.late.get(),
            unreadable: self.unreadable.get(),
            trips: self.trips.get(),
            failures: self.failures.get(),
            stored: self.stored.get(),
            dropped: self.dropped.get(),
            refused: self.refused.get(),
        }
    }
}
