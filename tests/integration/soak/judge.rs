//! What an answer showed, and the histories of its rows → how stale it was, or what is wrong with it.
//!
//! An answer to a call that was sent at t, of which proofs may be `lag` old, has to show of each row a state no older than the
//! last whose commit was acknowledged before t − `lag`: whatever happened to who answered, paused or not. None that began
//! to commit after the answer came, or that was never committed. With a token: nothing older than the answer the token
//! came with showed, and nothing older than what had been acknowledged before any of that began to commit, since whoever
//! sees the later transaction sees the earlier one.
//!
//! The same holds within one answer, which is of one snapshot: who sees a transaction in one row sees it in all the rows
//! it wrote, and what was acknowledged before it began to commit.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::world::history::{History, Shown};
use super::world::tables::Cell;
use super::world::{Histories, World};

/// Proofs of Rowcall's are at most so old, unless a caller wants younger ones (`cache.lag_max`).
pub const LAG_MAX: Duration = Duration::from_secs(1);

/// From a primary's death to when what it alone had may be shown no more, beyond `LAG_MAX`: until its processes are gone.
const DEATH: Duration = Duration::from_millis(200);

/// States told of around the one in question.
const TOLD: usize = 3;

/// One message of an answer.
pub struct Answer {
    pub method: String,
    pub request: String,
    /// The instance, the faults under way, all that a reader of the log needs beside.
    pub about: String,
    /// `rowcall-cache`.
    pub cache: String,
    /// Before it was sent, and once the answer was there.
    pub asked: Instant,
    pub answered: Instant,
    pub lag: Duration,
    /// Rows that the answer showed whose token was sent along.
    pub after: Option<Arc<Vec<(Cell, u64)>>>,
    pub shown: Vec<(Cell, Shown)>,
    /// At least one of them is as shown, and it is not known which.
    pub some: bool,
}

/// What is wrong, or how long before the call the first change was acknowledged that it does not show.
pub type Verdict = Result<Duration, String>;

impl Answer {
    pub fn judge(&self, world: &World) -> Verdict {
        let histories = world.histories();
        let found: Vec<Result<Found<'_>, String>> =
            self.shown.iter().map(|(cell, shown)| self.find(&histories, *cell, *shown)).collect();
        if self.some {
            let wrong = |found: &Result<Found<'_>, String>| found.as_ref().err().cloned().unwrap_or_default();
            let one = found.iter().any(Result::is_ok);
            return if one { Ok(Duration::ZERO) } else { Err(found.iter().map(wrong).collect()) };
        }
        let found = found.into_iter().collect::<Result<Vec<_>, _>>()?;
        self.of_one_snapshot(&histories, &found)?;
        let missed = found.iter().filter_map(|found| found.history.next_known(found.at));
        Ok(missed.map(|acked| self.asked.saturating_duration_since(acked)).max().unwrap_or_default())
    }

    /// The latest state it may have shown.
    fn find<'h>(&self, histories: &'h Histories, cell: Cell, shown: Shown) -> Result<Found<'h>, String> {
        let Some(history) = histories.cells.get(&cell) else { return Err(format!("{cell:?} is nobody's")) };
        let by_time = history.known(self.asked.checked_sub(self.lag).unwrap_or(self.asked), self.answered);
        let by_token = self.after.iter().flat_map(|after| after.iter()).filter_map(|(other, version)| {
            Some(self.implied(histories, *other, *version)?.least(history, *version, self.answered))
        });
        let by_token = by_token.max().unwrap_or(0);
        let least = by_time.max(by_token);
        let may = |at: &usize| {
            let state = &history.states()[*at];
            state.is(shown)
                && state.begun <= self.answered
                && state.lost.is_none_or(|lost| self.asked <= lost + LAG_MAX + DEATH)
        };
        match (least..history.states().len()).rev().find(may) {
            Some(at) => Ok(Found { cell, history, at, exact: matches!(shown, Shown::Row { .. }) }),
            None => {
                let law = if by_token > by_time { "its token's answer" } else { "the time it was asked" };
                let older = (0..least).rev().find(may).is_some();
                let what = if older { "older than it may be" } else { "never so, or not any more" };
                Err(format!("{cell:?} is {what}: {shown:?}, by {law}\n{}", self.told(history, least)))
            }
        }
    }

    fn of_one_snapshot(&self, histories: &Histories, found: &[Found<'_>]) -> Result<(), String> {
        let exact: Vec<&Found<'_>> = found.iter().filter(|found| found.exact).collect();
        let last = exact.iter().max_by_key(|found| found.begun());
        let mut several: Vec<u64> = exact.iter().map(|found| found.version()).collect();
        several.sort_unstable();
        several.dedup();
        several.retain(|version| histories.several.contains(version));
        for found in found {
            let together = several.iter().filter_map(|version| found.history.of(*version));
            let before = last.map(|last| found.history.known_before(last.begun(), self.answered));
            let Some(least) = together.chain(before).max().filter(|least| found.at < *least) else {
                continue;
            };
            let other = exact.iter().map(|other| (other.cell, other.version()));
            let others: Vec<_> = other.collect();
            return Err(format!(
                "{:?} is older than other rows of the same answer: {others:?}\n{}",
                found.cell,
                self.told(found.history, least)
            ));
        }
        Ok(())
    }

    /// None: it is forgotten, or of a life that is over.
    fn implied(&self, histories: &Histories, cell: Cell, version: u64) -> Option<Implied> {
        let history = histories.cells.get(&cell)?;
        let state = history.states().get(history.of(version)?)?;
        state.lost.is_none().then_some(Implied { begun: state.begun })
    }

    /// The states around the least that it may have shown.
    fn told(&self, history: &History, least: usize) -> String {
        let mut text = String::new();
        let from = least.saturating_sub(TOLD);
        for (at, state) in history.states().iter().enumerate().skip(from).take(2 * TOLD + 1) {
            let since = |then: Instant| match then <= self.asked {
                true => format!("{:?} before the call", self.asked - then),
                false => format!("{:?} after it", then - self.asked),
            };
            let acked = state.acked.map_or("not known to be".to_owned(), since);
            let lost = state.lost.map_or(String::new(), |lost| format!(", lost {}", since(lost)));
            let mark = if at == least { "at least" } else { "        " };
            let (version, place) = (state.version, state.place);
            let begun = since(state.begun);
            let _ = writeln!(
                text,
                "    {mark} {version} at {place:?}, commit sent {begun}, acknowledged {acked}{lost}"
            );
        }
        text
    }
}

/// Which state of a row an answer showed; the latest possible, where the row says nothing itself.
struct Found<'h> {
    cell: Cell,
    history: &'h History,
    at: usize,
    exact: bool,
}

impl Found<'_> {
    fn begun(&self) -> Instant {
        self.history.states()[self.at].begun
    }

    fn version(&self) -> u64 {
        self.history.states()[self.at].version
    }
}

/// What follows from having seen a transaction.
struct Implied {
    begun: Instant,
}

impl Implied {
    /// For a row: what the transaction itself made of it, or what was acknowledged before.
    fn least(&self, history: &History, version: u64, answered: Instant) -> usize {
        let own = history.of(version).filter(|at| history.states()[*at].lost.is_none());
        own.unwrap_or(0).max(history.known_before(self.begun, answered))
    }
}
