//! So many a second at most, and how many were more than that.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

pub struct Rate {
    limiter: Option<DefaultDirectRateLimiter>,
    refused: AtomicU64,
}

impl Rate {
    /// 0 lets nothing pass.
    pub fn new(per_second: u32) -> Self {
        let limiter = NonZeroU32::new(per_second).map(|most| RateLimiter::direct(Quota::per_second(most)));
        Rate { limiter, refused: AtomicU64::new(0) }
    }

    pub fn takes(&self) -> bool {
        let takes = self.limiter.as_ref().is_some_and(|limiter| limiter.check().is_ok());
        if !takes {
            self.refused.fetch_add(1, Relaxed);
        }
        takes
    }

    /// How many were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_so_many_pass_at_once_and_the_rest_is_counted() {
        let rate = Rate::new(10);
        let passed = (0..1_000).filter(|_| rate.takes()).count() as u64;
        assert!((10..20).contains(&passed), "{passed}");
        assert_eq!(rate.refused(), 1_000 - passed);
        assert!(!Rate::new(0).takes());
    }
}
