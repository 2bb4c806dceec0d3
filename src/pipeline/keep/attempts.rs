//! Readings of which one answers → what the call's notes have of them: the answering one's; and when none did, be it that
//! the call was cut off, what they all took.

use std::sync::{Mutex, PoisonError};

use crate::call::{Notes, Served};
use crate::postgres::Journal;

/// The readings of one question.
pub(super) struct Attempts<'n> {
    notes: &'n mut Notes,
    journal: Journal,
    /// Of those that came to nothing.
    lost: Mutex<Notes>,
}

/// One of them.
pub(super) struct Attempt<'a> {
    pub notes: Notes,
    lost: &'a Mutex<Notes>,
}

impl<'n> Attempts<'n> {
    pub fn new(notes: &'n mut Notes) -> Self {
        let journal = notes.journal.shared();
        Attempts { notes, journal, lost: Mutex::default() }
    }

    pub fn begin(&self) -> Attempt<'_> {
        let notes = Notes { journal: self.journal.clone(), ..Notes::default() };
        Attempt { notes, lost: &self.lost }
    }

    /// One has answered, from there, and the others are of no interest.
    pub fn answered(mut self, own: Notes, served: Option<Served>) {
        self.lost = Mutex::default();
        self.notes.add(own);
        self.notes.served = served;
    }
}

impl Drop for Attempts<'_> {
    fn drop(&mut self) {
        let lost = std::mem::take(self.lost.get_mut().unwrap_or_else(PoisonError::into_inner));
        self.notes.stages_of(lost);
    }
}

impl Attempt<'_> {
    /// It is the one.
    pub fn won(mut self) -> Notes {
        std::mem::take(&mut self.notes)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.notes.cut();
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.stages_of(std::mem::take(&mut self.notes));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::call::Stage;

    fn took(notes: &Notes, stage: Stage) -> Option<Duration> {
        notes.stages.iter().find(|timed| timed.stage == stage).map(|timed| timed.time)
    }

    #[test]
    fn what_is_cut_off_has_taken_its_time() {
        let mut notes = Notes::default();
        let attempts = Attempts::new(&mut notes);
        let mut one = attempts.begin();
        one.notes.lasted(Stage::Acquire, Instant::now(), Duration::from_secs(3));
        one.notes.enter(Stage::Execute);
        drop(one);
        drop(attempts);
        assert_eq!(took(&notes, Stage::Acquire), Some(Duration::from_secs(3)));
        assert!(took(&notes, Stage::Execute).is_some() && notes.under_way.is_none());
    }

    #[test]
    fn of_two_the_one_that_answered_is_told() {
        let mut notes = Notes::default();
        let attempts = Attempts::new(&mut notes);
        let (mut slow, mut quick) = (attempts.begin(), attempts.begin());
        slow.notes.lasted(Stage::Execute, Instant::now(), Duration::from_secs(9));
        quick.notes.lasted(Stage::Execute, Instant::now(), Duration::from_secs(1));
        let own = quick.won();
        drop(slow);
        attempts.answered(own, None);
        assert_eq!(took(&notes, Stage::Execute), Some(Duration::from_secs(1)));
    }
}
