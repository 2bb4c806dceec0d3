//! Which faults are or were under way, for whoever asks why a call failed.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::faults::Fault;

/// So long after a fault is undone may calls still fail of it.
const RECOVERY: Duration = Duration::from_secs(5);

/// So many faults are remembered: more than any call can outlast.
const REMEMBERED_MAX: usize = 60;

#[derive(Default)]
pub struct Episodes(Mutex<Vec<Under>>);

#[derive(Clone, Copy)]
struct Under {
    fault: Fault,
    began: Instant,
    ended: Option<Instant>,
}

impl Episodes {
    pub fn begin(&self, fault: Fault) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let excess = all.len().saturating_sub(REMEMBERED_MAX);
        all.drain(..excess);
        all.push(Under { fault, began: Instant::now(), ended: None });
    }

    pub fn end(&self, fault: Fault) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under) = all.iter_mut().rev().find(|under| under.fault == fault) {
            under.ended = Some(Instant::now());
        }
    }

    /// At any time from then to now, with time to recover.
    pub fn since(&self, then: Instant) -> Vec<Fault> {
        self.under(then).iter().map(|under| under.fault).collect()
    }

    /// For a reader of the log.
    pub fn told(&self, then: Instant) -> String {
        let told = |under: &Under| match under.ended {
            Some(ended) => format!(
                "{:?} (begun {:?} ago, undone {:?} ago)",
                under.fault,
                under.began.elapsed(),
                ended.elapsed()
            ),
            None => format!("{:?} (begun {:?} ago)", under.fault, under.began.elapsed()),
        };
        let told: Vec<String> = self.under(then).iter().map(told).collect();
        if told.is_empty() { "no fault".to_owned() } else { told.join(", ") }
    }

    fn under(&self, then: Instant) -> Vec<Under> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|under| under.ended.is_none_or(|ended| ended + RECOVERY >= then)).copied().collect()
    }
}
