//! Which faults are or were under way, for whoever asks why a call failed.
//!
//! ```text
//! quiet ──begin──► faults, each done and undone ──► Postgres answers ──► Rowcall answers ──end──► quiet
//! ```
//!
//! A fault explains what overlaps its episode, from the first of its faults to Rowcall's recovery; in
//! quiet nothing explains a failure.

use std::fmt::{self, Display};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::faults::Fault;

/// So many faults are remembered: more than any call can outlast.
const REMEMBERED_MAX: usize = 60;

#[derive(Default)]
pub struct Episodes(Mutex<Vec<Under>>);

#[derive(Debug, Clone, Copy)]
pub struct Under {
    pub fault: Fault,
    began: Instant,
    ended: Option<Instant>,
}

impl Episodes {
    pub fn begin(&self, faults: &[Fault]) {
        let began = Instant::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let excess = all.len().saturating_sub(REMEMBERED_MAX);
        all.drain(..excess);
        all.extend(faults.iter().map(|&fault| Under { fault, began, ended: None }));
    }

    pub fn end(&self) {
        let now = Instant::now();
        for under in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            under.ended.get_or_insert(now);
        }
    }

    /// At any time from then to now.
    pub fn since(&self, then: Instant) -> Vec<Under> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|under| under.ended.is_none_or(|ended| ended >= then)).copied().collect()
    }
}

impl Display for Under {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} (began {:?} ago", self.fault, self.began.elapsed())?;
        match self.ended {
            Some(ended) => write!(f, ", over {:?} ago)", ended.elapsed()),
            None => write!(f, ")"),
        }
    }
}
