//! What happened, counted; a violation is printed at once.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::faults::Fault;
use super::judge::{Answer, Verdict};

/// After so many violations there is nothing more to learn.
const VIOLATIONS_MAX: u64 = 10;

#[derive(Default)]
pub struct Tally(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// By method, then by what `rowcall-cache` said.
    reads: BTreeMap<String, BTreeMap<String, u64>>,
    rows: u64,
    with_token: u64,
    staleness: Vec<Duration>,
    failed: BTreeMap<String, u64>,
    writes: BTreeMap<String, u64>,
    undone: BTreeMap<String, u64>,
    faults: BTreeMap<String, u64>,
    violations: Vec<String>,
}

impl Tally {
    pub fn judged(&self, answer: &Answer, verdict: Verdict) {
        let said = word(&answer.cache).to_owned();
        self.count(|counts| {
            *counts.reads.entry(answer.method.clone()).or_default().entry(said).or_default() += 1;
            counts.rows += answer.shown.len() as u64;
            counts.with_token += u64::from(answer.after.is_some());
        });
        match verdict {
            Ok(staleness) => self.count(|counts| counts.staleness.push(staleness)),
            Err(why) => {
                let Answer { method, request, about, cache, asked, answered, lag, after, .. } = answer;
                let took = *answered - *asked;
                let after = after.as_ref().map_or(String::new(), |after| format!("\n  token of: {after:?}"));
                self.violated(format!(
                    "{method} {request}\n  {why}  rowcall-cache: {cache}; took {took:?}; proofs up to {lag:?} old; \
                     asked {:?} ago; {about}{after}",
                    asked.elapsed()
                ));
            }
        }
    }

    /// In a way that a call may fail.
    pub fn failed(&self, reason: &str) {
        self.count(|counts| *counts.failed.entry(reason.to_owned()).or_default() += 1);
    }

    pub fn wrote(&self, what: &str, how: &str, done: bool) {
        self.count(|counts| {
            let of = if done { &mut counts.writes } else { &mut counts.undone };
            *of.entry(what.to_owned()).or_default() += 1;
            *of.entry(how.to_owned()).or_default() += 1;
        });
    }

    pub fn struck(&self, fault: Fault) {
        self.count(|counts| *counts.faults.entry(format!("{fault:?}")).or_default() += 1);
    }

    pub fn violated(&self, what: impl Display) {
        eprintln!("VIOLATION {what}");
        self.count(|counts| counts.violations.push(what.to_string()));
    }

    pub fn violations(&self) -> Vec<String> {
        self.count(|counts| counts.violations.clone())
    }

    pub fn hopeless(&self) -> bool {
        self.count(|counts| counts.violations.len() as u64 >= VIOLATIONS_MAX)
    }

    /// How many reads were answered so.
    pub fn answered(&self, said: &str) -> u64 {
        self.count(|counts| counts.reads.values().filter_map(|by| by.get(said)).sum())
    }

    fn count<T>(&self, count: impl FnOnce(&mut Counts) -> T) -> T {
        count(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// `hit`, `hit from redis`, `miss`, `shared`, `bypass untracked`, ….
fn word(cache: &str) -> &str {
    let redis = cache.contains("from=redis");
    match cache.split_once(';') {
        Some(("hit", _)) if redis => "redis",
        Some(("bypass", rest)) => rest.trim().strip_prefix("reason=").unwrap_or("bypass"),
        Some((first, _)) => first,
        None => cache,
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.staleness.sort_unstable();
        let staleness = &counts.staleness;
        let at = |share: usize| staleness.get(staleness.len() * share / 100).copied().unwrap_or_default();
        let mut all: BTreeMap<&str, u64> = BTreeMap::new();
        for (said, count) in counts.reads.values().flatten() {
            *all.entry(said).or_default() += count;
        }
        writeln!(
            f,
            "reads      {} checked, {} rows, {} with a token: {all:?}",
            all.values().sum::<u64>(),
            counts.rows,
            counts.with_token
        )?;
        for (method, by) in &counts.reads {
            writeln!(f, "  {method:<14} {by:?}")?;
        }
        let none = staleness.iter().filter(|time| time.is_zero()).count();
        writeln!(
            f,
            "staleness  p50 {:?}, p99 {:?}, max {:?}; {none} of {} showed every change acknowledged before",
            at(50),
            at(99),
            staleness.last().copied().unwrap_or_default(),
            staleness.len()
        )?;
        writeln!(f, "failures   {} {:?}", counts.failed.values().sum::<u64>(), counts.failed)?;
        writeln!(f, "writes     {:?}", counts.writes)?;
        writeln!(f, "undone     {:?}", counts.undone)?;
        writeln!(f, "faults     {} {:?}", counts.faults.values().sum::<u64>(), counts.faults)?;
        write!(f, "violations {}", counts.violations.len())
    }
}
