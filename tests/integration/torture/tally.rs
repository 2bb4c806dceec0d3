//! What happened, counted; a wrong answer is printed at once.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::faults::Fault;
use super::process::Peak;

/// After so many wrong answers there is nothing more to learn.
const WRONG_MAX: u64 = 10;

#[derive(Default)]
pub struct Tally(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    calls: BTreeMap<String, u64>,
    right: u64,
    left: u64,
    failed: BTreeMap<String, u64>,
    faults: BTreeMap<String, u64>,
    recovered: Vec<Duration>,
    wrong: u64,
    peak: Peak,
}

impl Tally {
    pub fn called(&self, method: &str) {
        self.count(|counts| *counts.calls.entry(method.to_owned()).or_default() += 1);
    }

    /// An answer was what it must be.
    pub fn right(&self) {
        self.count(|counts| counts.right += 1);
    }

    /// A caller did not wait for the answer.
    pub fn left(&self) {
        self.count(|counts| counts.left += 1);
    }

    /// In a way that it may fail.
    pub fn failed(&self, reason: &str) {
        let reason = if reason.is_empty() { "(connection ended)" } else { reason };
        self.count(|counts| *counts.failed.entry(reason.to_owned()).or_default() += 1);
    }

    pub fn struck(&self, fault: Fault) {
        self.count(|counts| *counts.faults.entry(format!("{fault:?}")).or_default() += 1);
    }

    /// So long after Postgres answered again.
    pub fn recovered(&self, after: Duration) {
        self.count(|counts| counts.recovered.push(after));
    }

    pub fn sampled(&self, peak: Peak) {
        self.count(|counts| counts.peak = counts.peak.max(peak));
    }

    pub fn wrong(&self, what: impl Display) {
        eprintln!("WRONG {what}");
        self.count(|counts| counts.wrong += 1);
    }

    pub fn wrong_answers(&self) -> u64 {
        self.count(|counts| counts.wrong)
    }

    pub fn hopeless(&self) -> bool {
        self.wrong_answers() >= WRONG_MAX
    }

    fn count<T>(&self, count: impl FnOnce(&mut Counts) -> T) -> T {
        count(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.recovered.sort();
        let recovered = &counts.recovered;
        let at = |share: usize| recovered.get(recovered.len() * share / 100).copied().unwrap_or_default();
        writeln!(f, "calls      {} {:?}", counts.calls.values().sum::<u64>(), counts.calls)?;
        writeln!(f, "answers    {} as they must be, {} not waited for", counts.right, counts.left)?;
        writeln!(f, "failures   {} {:?}", counts.failed.values().sum::<u64>(), counts.failed)?;
        writeln!(f, "faults     {} {:?}", counts.faults.values().sum::<u64>(), counts.faults)?;
        writeln!(
            f,
            "recovered  {} times; after Postgres answered: median {:?}, longest {:?}",
            recovered.len(),
            at(50),
            recovered.last().copied().unwrap_or_default()
        )?;
        writeln!(f, "peak       {}", counts.peak)?;
        write!(f, "wrong      {}", counts.wrong)
    }
}
