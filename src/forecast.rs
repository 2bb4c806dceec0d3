//! How long recent work took → whether work that has to wait for its turn would be done in time.
//!
//! Work begun with too little time left is cut off at its deadline, and what was done for it is lost.
//! A queue that takes everybody ends there under load: it grows until each of those it serves has
//! waited too long, and everyone works while nobody is answered. So a queue takes only whom it will
//! serve in time; the others hear at once that there is too much to do, and may ask elsewhere.
//!
//! ```text
//! wait = turns ahead, one's own included × mean time of a turn / turns at once
//! taken:  2 × wait ≤ the longest wait   and   2 × wait + mean ≤ the time left
//! ```
//!
//! Twice, because the mean is only a mean: a queue filled up to the deadline would lose every second
//! call to chance, and one half as long keeps the same number of hands busy. The order stays that of
//! arrival. Taking the newest first, or dropping from the head once the queue stands, as others do,
//! is for servers that know no deadlines; here whoever would be dropped later is not taken at all.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The weight of the newest is one in so many; with fewer seen, nothing is foretold.
const SEEN: u32 = 16;
/// A turn is overdue after so many times the mean.
const OVERDUE: u64 = 4;
/// … and not before this: on a busy machine a process may be kept waiting for so long by others.
const OVERDUE_MIN: Duration = Duration::from_millis(2);

/// What recent turns took. An update that meets another may be lost, which changes no mean by much.
#[derive(Debug, Default)]
pub struct Forecast {
    /// In nanoseconds.
    mean: AtomicU64,
    seen: AtomicU32,
}

impl Forecast {
    /// A turn ended by itself.
    pub fn took(&self, time: Duration) {
        self.learn(|_| nanos(time));
    }

    /// A turn ended by its deadline: it would have taken longer, by a guess as long as any other.
    pub fn cut(&self, after: Duration) {
        self.learn(|mean| mean.saturating_add(nanos(after)));
    }

    fn learn(&self, took: impl Fn(u64) -> u64) {
        let seen = self.seen.load(Relaxed).saturating_add(1).min(SEEN);
        let mean = self.mean.load(Relaxed);
        let share = u64::from(seen);
        self.mean.store((mean - mean / share).saturating_add(took(mean) / share), Relaxed);
        self.seen.store(seen, Relaxed);
    }

    /// Whether a turn that began so long ago takes longer than most. With little seen, any does.
    pub fn overdue(&self, since: Duration) -> bool {
        let late = self.mean.load(Relaxed).saturating_mul(OVERDUE).max(nanos(OVERDUE_MIN));
        self.seen.load(Relaxed) < SEEN || nanos(since) > late
    }

    /// Whether who has `turns` to wait for, of which `at_once` are under way together, is done in
    /// `left`, and waits at most `wait_max`.
    pub fn in_time(&self, turns: usize, at_once: usize, left: Duration, wait_max: Duration) -> bool {
        if self.seen.load(Relaxed) < SEEN {
            return true;
        }
        let mean = u128::from(self.mean.load(Relaxed));
        let wait = 2 * mean * turns as u128 / at_once.max(1) as u128;
        wait <= wait_max.as_nanos() && wait + mean <= left.as_nanos()
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURN: Duration = Duration::from_millis(20);

    fn seen(times: u32) -> Forecast {
        let forecast = Forecast::default();
        (0..times).for_each(|_| forecast.took(TURN));
        forecast
    }

    #[test]
    fn who_would_be_late_is_told_apart() {
        let forecast = seen(SEEN);
        let in_time = |turns, left| forecast.in_time(turns, 2, Duration::from_millis(left), Duration::MAX);
        // Ten turns, two at once, take 100 ms, which counts twice, and then comes one's own.
        assert!(in_time(10, 220));
        assert!(!in_time(10, 219));
        assert!(!in_time(1, 39));
        assert!(!forecast.in_time(10, 2, Duration::MAX, Duration::from_millis(199)));
    }

    #[test]
    fn little_seen_foretells_nothing() {
        let waits = |forecast: &Forecast| forecast.in_time(1_000, 1, Duration::ZERO, Duration::ZERO);
        assert!(waits(&seen(SEEN - 1)));
        assert!(!waits(&seen(SEEN)));
    }

    #[test]
    fn a_turn_is_overdue_after_four_times_the_mean() {
        assert!(seen(SEEN - 1).overdue(Duration::ZERO), "nobody knows");
        assert!(!seen(SEEN).overdue(TURN * 4));
        assert!(seen(SEEN).overdue(TURN * 4 + Duration::from_nanos(1)));
        let quick = Forecast::default();
        (0..SEEN).for_each(|_| quick.took(OVERDUE_MIN / 100));
        assert!(!quick.overdue(OVERDUE_MIN));
        assert!(quick.overdue(OVERDUE_MIN + Duration::from_nanos(1)));
    }

    #[test]
    fn the_mean_follows_what_is_seen() {
        let forecast = seen(1_000);
        let quick = Duration::from_millis(1);
        (0..100).for_each(|_| forecast.took(quick));
        assert!(forecast.in_time(1, 1, quick * 4, Duration::MAX));
        (0..100).for_each(|_| forecast.took(TURN));
        assert!(!forecast.in_time(1, 1, quick * 4, Duration::MAX));
    }

    #[test]
    fn turns_that_are_all_cut_off_count_as_longer_each_time() {
        let forecast = seen(SEEN);
        (0..100).for_each(|_| forecast.cut(TURN / 4));
        assert!(!forecast.in_time(1, 1, TURN * 5, Duration::MAX));
        forecast.cut(Duration::MAX);
        forecast.took(Duration::MAX);
        assert!(!forecast.in_time(usize::MAX, 1, Duration::MAX / 4, Duration::MAX));
    }
}
