//! What became of one row: its states in the order of their commits, and which of them a read may show.

use std::time::{Duration, Instant};

/// Older states are forgotten, but for the last of them.
const REMEMBERED: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
pub struct State {
    /// Of the transaction that made it so.
    pub version: u64,
    /// None: there is no row.
    pub place: Option<i32>,
    /// Before its COMMIT was sent.
    pub begun: Instant,
    /// Once it was known to be committed. None: nobody knows yet.
    pub acked: Option<Instant>,
    /// When the server died that had it, and no other has it.
    pub lost: Option<Instant>,
}

/// What an answer says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Row {
        version: u64,
        place: i32,
    },
    /// Not at this place, or nowhere.
    Not(Option<i32>),
}

#[derive(Debug, Default)]
pub struct History(Vec<State>);

impl History {
    pub fn new(first: State) -> History {
        History(vec![first])
    }

    pub fn push(&mut self, state: State) {
        self.0.push(state);
    }

    pub fn states(&self) -> &[State] {
        &self.0
    }

    /// As the last writer left it.
    pub fn now(&self) -> Option<i32> {
        self.0.iter().rev().find(|state| state.lost.is_none()).and_then(|state| state.place)
    }

    /// The one whose group was last written by `last`: what came after is lost, with the server that died then, or was
    /// never visible to anyone.
    pub fn settle(&mut self, last: u64, died: Option<Instant>) {
        let now = Instant::now();
        self.0.retain_mut(|state| {
            if state.version <= last {
                state.acked.get_or_insert(now);
                return true;
            }
            let visible = died.filter(|died| state.begun <= *died);
            state.lost = state.lost.or(visible);
            state.lost.is_some()
        });
    }

    /// It was there, whatever is still to come.
    pub fn saw(&mut self, version: u64) {
        let now = Instant::now();
        self.0.iter_mut().filter(|state| state.version <= version).for_each(|state| {
            state.acked.get_or_insert(now);
        });
    }

    pub fn forget(&mut self, now: Instant) {
        let old = |state: &State| state.acked.is_some_and(|acked| now.duration_since(acked) > REMEMBERED);
        let count = self.0.iter().take_while(|state| old(state)).count();
        let last = self.0[..count].iter().rposition(|state| state.lost.is_none());
        self.0.drain(..last.unwrap_or(0));
    }

    /// The last state that was known to be committed at a time; `lost` ones do not count, but for who was answered before.
    pub fn known(&self, at: Instant, answered: Instant) -> usize {
        let counts = |state: &State| state.lost.is_none_or(|lost| answered < lost);
        let known = |state: &State| counts(state) && state.acked.is_some_and(|acked| acked <= at);
        self.0.iter().rposition(known).unwrap_or(0)
    }

    /// The same of what was known before a commit was sent.
    pub fn known_before(&self, begun: Instant, answered: Instant) -> usize {
        begun.checked_sub(Duration::from_nanos(1)).map_or(0, |before| self.known(before, answered))
    }

    /// The state that a transaction left.
    pub fn of(&self, version: u64) -> Option<usize> {
        self.0.binary_search_by_key(&version, |state| state.version).ok()
    }

    /// What comes after, and when it was known to be there.
    pub fn next_known(&self, at: usize) -> Option<Instant> {
        self.0[at + 1..].iter().filter(|state| state.lost.is_none()).find_map(|state| state.acked)
    }
}

impl State {
    pub fn is(&self, shown: Shown) -> bool {
        match shown {
            Shown::Row { version, place } => self.version == version && self.place == Some(place),
            Shown::Not(None) => self.place.is_none(),
            Shown::Not(Some(place)) => self.place != Some(place),
        }
    }
}
