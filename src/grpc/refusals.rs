//! Calls refused for load, and asked again at once → no more of them than the server can spare time for.
//!
//! A refusal costs about what the transport of a small answer costs. Callers who repeat it without the
//! pause that they are told, as fast as they can, would leave nothing for the calls that are taken. So
//! only so many a second are told at once; a further one waits for its turn, which also holds back its
//! caller.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::Response;
use tonic::{Code, Status};

use super::details::PUSHBACK;

/// So much time's worth is told at once.
const BURST: Duration = Duration::from_millis(100);
/// A caller who waits for its own refusal is not kept longer.
const WAIT_MAX: Duration = Duration::from_secs(1);

pub struct Refusals {
    /// Between two of them.
    pause: Duration,
    /// When the next one has its turn; before now when few were told lately.
    next: Mutex<Instant>,
}

impl Refusals {
    pub fn new(per_second: u32) -> Self {
        Refusals { pause: Duration::from_secs(1) / per_second.max(1), next: Mutex::new(Instant::now()) }
    }

    /// When the response may be sent. None is at once, as is all that does not say that there is too much to do.
    pub fn wait<B>(&self, response: &Response<B>) -> Option<Instant> {
        let now = Instant::now();
        refuses(response).then(|| self.turn(now)).filter(|turn| *turn > now)
    }

    fn turn(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = now.checked_sub(BURST).map_or(*next, |earliest| earliest.max(*next));
        if turn > now + WAIT_MAX {
            return now + WAIT_MAX;
        }
        *next = turn + self.pause;
        turn.max(now)
    }
}

/// Whether a call was refused that might be taken later.
fn refuses<B>(response: &Response<B>) -> bool {
    let headers = response.headers();
    let status = headers.get(Status::GRPC_STATUS).map(|status| Code::from_bytes(status.as_bytes()));
    status == Some(Code::ResourceExhausted) && headers.contains_key(PUSHBACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let (refusals, now) = (Refusals::new(100), Instant::now());
        *refusals.next.lock().unwrap() = now;
        let waits = |count| (0..count).map(|_| refusals.turn(now) - now).collect::<Vec<_>>();
        assert_eq!(waits(3), [0, 10, 20].map(Duration::from_millis));
        let later = now + Duration::from_secs(60);
        let waits: Vec<Duration> = (0..13).map(|_| refusals.turn(later) - later).collect();
        assert_eq!(waits[..11], [Duration::ZERO; 11]);
        assert_eq!(waits[11..], [10, 20].map(Duration::from_millis));
    }

    #[test]
    fn nobody_waits_longer_than_so_and_nobody_pays_for_it() {
        let (refusals, now) = (Refusals::new(10), Instant::now());
        let last = (0..1_000).map(|_| refusals.turn(now) - now).last();
        assert_eq!(last, Some(WAIT_MAX));
        let later = now + WAIT_MAX * 2;
        assert_eq!(refusals.turn(later), later);
    }
}
