//! What a caller may send for nothing → whether it sent too much of it.

use std::time::Instant;

/// So many seconds' worth may come at once.
const BURST_SECONDS: u32 = 10;

/// The clock is looked at only when what was granted is used up.
#[derive(Debug)]
pub struct Allowance {
    left: u64,
    per_second: u32,
    granted: Instant,
}

impl Allowance {
    pub fn new(per_second: u32, now: Instant) -> Self {
        Allowance { left: burst(per_second), per_second, granted: now }
    }

    /// One more; `earned` is what the caller has done for it since it was asked last. False when it is too much.
    pub fn take(&mut self, earned: impl FnOnce() -> u64) -> bool {
        if self.left == 0 {
            let now = Instant::now();
            let since = now.duration_since(self.granted).as_secs_f64() * f64::from(self.per_second);
            // A cast cuts off what is no whole one; it is lost, to the caller's cost.
            self.left = (since as u64).min(burst(self.per_second)) + earned();
            self.granted = now;
        }
        let enough = self.left > 0;
        self.left = self.left.saturating_sub(1);
        enough
    }
}

fn burst(per_second: u32) -> u64 {
    u64::from(per_second) * u64::from(BURST_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_granted_and_time_grants_more() {
        let mut allowance = Allowance::new(10, Instant::now());
        assert!((0..100).all(|_| allowance.take(|| 0)));
        assert!(!allowance.take(|| 0));
        allowance.granted -= Duration::from_secs(1);
        assert!((0..10).all(|_| allowance.take(|| 0)));
        assert!(!allowance.take(|| 0));
    }

    #[test]
    fn a_long_time_grants_one_burst() {
        let mut allowance = Allowance::new(10, Instant::now());
        allowance.left = 0;
        allowance.granted -= Duration::from_secs(1_000);
        assert!((0..100).all(|_| allowance.take(|| 0)));
        assert!(!allowance.take(|| 0));
    }

    #[test]
    fn what_was_earned_counts() {
        let mut allowance = Allowance::new(1, Instant::now());
        allowance.left = 0;
        assert!((0..3).all(|_| allowance.take(|| 3)));
        assert!(!allowance.take(|| 0));
    }
}
