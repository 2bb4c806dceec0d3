//! What a connection does → whether it may go on.
//!
//! The socket and the calls note what happens, each with one or two relaxed writes; the connection
//! looks from time to time. A connection is ended when
//! - a frame, or the headers of a call, began and did not end for `frame_max`;
//! - the peer took nothing of what it is owed for `stall_max`: its socket is full, or its windows are;
//! - no call came or ran for `idle_max`: then it is asked to go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::settings::Settings;

#[derive(Debug, Default)]
pub struct Pulse {
    /// A frame has begun and not ended.
    pub frame_open: AtomicBool,
    pub frames: AtomicU64,
    /// The socket takes no more for now.
    pub write_blocked: AtomicBool,
    /// Bytes that the socket took.
    pub written: AtomicU64,
    /// Calls under way, until their answers were handed over.
    pub calls: AtomicUsize,
    /// Calls that ever came.
    pub calls_begun: AtomicU64,
    /// Bytes of answers that were made and are not written.
    pub owed: AtomicUsize,
    /// Those of them that are of unary calls.
    pub owed_unary: AtomicUsize,
    /// Bytes of answers that were written.
    pub paid: AtomicU64,
    room: Notify,
}

impl Pulse {
    /// Waits until so much or less of unary answers is owed.
    pub async fn room(&self, bytes_max: usize) {
        while self.owed_unary.load(Relaxed) > bytes_max {
            let woken = self.room.notified();
            tokio::pin!(woken);
            // What is paid between the look and the wait is not missed.
            woken.as_mut().enable();
            if self.owed_unary.load(Relaxed) <= bytes_max {
                return;
            }
            woken.await;
        }
    }

    pub fn paid_unary(&self, bytes: usize) {
        self.owed_unary.fetch_sub(bytes, Relaxed);
        self.room.notify_waiters();
    }
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// No settings within `handshake_max`, or half a frame for `frame_max`.
    Unfinished,
    /// Nothing was taken for `stall_max`.
    Stalled,
    /// No call for `idle_max`.
    Idle,
}

/// A pulse, and since when it is how it is.
pub struct Watch {
    pulse: Arc<Pulse>,
    settled_by: Instant,
    frame: Still,
    write: Still,
    answers: Still,
    calls: Still,
}

impl Watch {
    /// The caller's settings, its first frame, are to be there by `settled_by`.
    pub fn new(pulse: Arc<Pulse>, settled_by: Instant) -> Self {
        let still = Still::default;
        Watch { pulse, settled_by, frame: still(), write: still(), answers: still(), calls: still() }
    }

    /// How long it may take until somebody looks again.
    pub fn interval(settings: &Settings) -> Duration {
        let shortest = settings.frame_max.min(settings.stall_max).min(settings.idle_max);
        (shortest.min(settings.handshake_max) / 4).max(Duration::from_millis(5))
    }

    pub fn look(&mut self, settings: &Settings, now: Instant) -> Option<End> {
        let pulse = &self.pulse;
        let frames = pulse.frames.load(Relaxed);
        let unfinished = self.frame.lasts(pulse.frame_open.load(Relaxed), frames, now);
        if unfinished >= settings.frame_max || frames == 0 && now >= self.settled_by {
            return Some(End::Unfinished);
        }
        let blocked = pulse.write_blocked.load(Relaxed);
        let written = self.write.lasts(blocked, pulse.written.load(Relaxed), now);
        let owed = pulse.owed.load(Relaxed) > 0;
        let paid = self.answers.lasts(owed, pulse.paid.load(Relaxed), now);
        if written.max(paid) >= settings.stall_max {
            return Some(End::Stalled);
        }
        let idle = pulse.calls.load(Relaxed) == 0 && !owed;
        let idle = self.calls.lasts(idle, pulse.calls_begun.load(Relaxed), now);
        (idle >= settings.idle_max).then_some(End::Idle)
    }
}

/// Since when it matters that a count has not moved.
#[derive(Default)]
struct Still {
    mark: u64,
    since: Option<Instant>,
}

impl Still {
    /// Zero while it does not matter.
    fn lasts(&mut self, matters: bool, mark: u64, now: Instant) -> Duration {
        if !matters || mark != self.mark {
            *self = Still { mark, since: None };
        }
        match matters {
            true => now.duration_since(*self.since.get_or_insert(now)),
            false => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn settings() -> Settings {
        Settings {
            frame_max: SECOND * 10,
            stall_max: SECOND * 60,
            idle_max: SECOND * 120,
            ..Settings::default()
        }
    }

    type Happening = fn(&Pulse);

    /// What is seen at each of these seconds.
    fn seen(pulse: &Arc<Pulse>, seconds: &[(u32, Happening)]) -> Option<End> {
        let (start, settings) = (Instant::now(), settings());
        let mut watch = Watch::new(pulse.clone(), start + SECOND * 5);
        let mut last = watch.look(&settings, start);
        for (second, happens) in seconds {
            assert_eq!(last, None, "before second {second}");
            happens(pulse);
            last = watch.look(&settings, start + SECOND * *second);
        }
        last
    }

    fn begun() -> Arc<Pulse> {
        let pulse = Arc::<Pulse>::default();
        pulse.frames.store(1, Relaxed);
        pulse
    }

    #[test]
    fn a_connection_without_settings_is_unfinished() {
        assert_eq!(seen(&Arc::default(), &[(4, |_| {}), (5, |_| {})]), Some(End::Unfinished));
    }

    #[test]
    fn half_a_frame_is_waited_for_as_long_as_it_may_take() {
        let open: Happening = |pulse| pulse.frame_open.store(true, Relaxed);
        let next: Happening = |pulse| pulse.frames.store(2, Relaxed);
        assert_eq!(seen(&begun(), &[(50, open), (59, |_| {}), (60, |_| {})]), Some(End::Unfinished));
        assert_eq!(seen(&begun(), &[(50, open), (59, next), (68, |_| {})]), None);
    }

    #[test]
    fn a_peer_that_takes_nothing_is_stalled() {
        let blocked: Happening = |pulse| pulse.write_blocked.store(true, Relaxed);
        let taken: Happening = |pulse| pulse.written.store(1, Relaxed);
        assert_eq!(seen(&begun(), &[(1, blocked), (60, |_| {}), (61, |_| {})]), Some(End::Stalled));
        assert_eq!(seen(&begun(), &[(1, blocked), (60, taken), (119, |_| {})]), None);
        let owed: Happening = |pulse| pulse.owed.store(9, Relaxed);
        let paid: Happening = |pulse| pulse.paid.store(1, Relaxed);
        assert_eq!(seen(&begun(), &[(1, owed), (60, |_| {}), (61, |_| {})]), Some(End::Stalled));
        assert_eq!(seen(&begun(), &[(1, owed), (60, paid), (119, |_| {})]), None);
    }

    #[test]
    fn a_connection_without_calls_is_idle() {
        let begins: Happening = |pulse| pulse.calls.store(1, Relaxed);
        let ends: Happening = |pulse| pulse.calls.store(0, Relaxed);
        let passes: Happening = |pulse| pulse.calls_begun.store(7, Relaxed);
        assert_eq!(seen(&begun(), &[(119, |_| {}), (120, |_| {})]), Some(End::Idle));
        assert_eq!(seen(&begun(), &[(119, begins), (400, |_| {}), (401, ends), (519, |_| {})]), None);
        assert_eq!(seen(&begun(), &[(119, passes), (238, |_| {}), (239, |_| {})]), Some(End::Idle));
    }

    #[tokio::test]
    async fn room_is_there_once_enough_is_paid() {
        let pulse = Pulse::default();
        pulse.owed_unary.store(10, Relaxed);
        let waited = async {
            pulse.room(4).await;
            pulse.owed_unary.load(Relaxed)
        };
        let paid = async {
            tokio::task::yield_now().await;
            pulse.paid_unary(5);
            tokio::task::yield_now().await;
            pulse.paid_unary(1);
        };
        assert_eq!(tokio::join!(waited, paid).0, 4);
    }
}
