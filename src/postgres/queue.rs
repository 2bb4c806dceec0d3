//! Sessions asked for → turns to have a connection, in the order they came, for those it would help.
//!
//! ```text
//!          a turn is free
//! call ──► ─────────────────────────────────► turn ──► connection ──► both given back
//!            │ else                             ▲
//!            │   fewer than waiting_max, and    │ the first that waits
//!            └─► would be done in time ──► waits
//!                  │ else                   │ its deadline, wait_max
//!                  ▼                        ▼
//!                Busy                DeadlinePassed, Busy
//! ```
//!
//! There are as many turns as connections may be open, so that behind it the pool never makes a
//! caller wait for another: bb8's own wait has no limit in number, and lets the last come first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use super::error::Error;
use super::settings::Settings;
use crate::forecast::Forecast;
use crate::telemetry::Pool;

pub(super) struct Queue {
    turns: Semaphore,
    seats: Semaphore,
    turns_max: usize,
    waiting_max: usize,
    wait_max: Duration,
    forecast: Forecast,
    pub meter: Pool,
}

/// The right to one connection, until it is dropped.
pub(super) struct Turn {
    queue: Arc<Queue>,
    /// None until there is a connection.
    begun: Option<Instant>,
    end: End,
}

/// How what was done with a connection ended, which tells how long such things take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Done,
    /// By its deadline.
    Cut,
    /// By a caller who left; it says nothing.
    Left,
}

impl Queue {
    pub fn new(settings: &Settings, meter: Pool) -> Arc<Queue> {
        let turns_max = settings.connections_max.max(1) as usize;
        let waiting_max = settings.waiting_max.min(Semaphore::MAX_PERMITS);
        Arc::new(Queue {
            turns: Semaphore::new(turns_max),
            seats: Semaphore::new(waiting_max),
            turns_max,
            waiting_max,
            wait_max: settings.wait_max,
            forecast: Forecast::default(),
            meter,
        })
    }

    /// Turns taken, and how many there are.
    pub fn load(&self) -> (usize, usize) {
        (self.turns_max.saturating_sub(self.turns.available_permits()), self.turns_max)
    }

    /// Calls that wait for a turn.
    pub fn waiting(&self) -> usize {
        self.waiting_max.saturating_sub(self.seats.available_permits())
    }

    /// None when others have them all.
    pub fn enter(self: &Arc<Self>) -> Option<Turn> {
        self.turns.try_acquire().ok().map(|permit| {
            permit.forget();
            self.turn()
        })
    }

    /// Waits at most to the deadline and to `until`.
    pub async fn wait(self: &Arc<Self>, deadline: Instant, until: Instant) -> Result<Turn, Error> {
        let _seat = self.seats.try_acquire().map_err(|_| Error::Busy)?;
        let waiting = self.waiting();
        let left = deadline.saturating_duration_since(Instant::now());
        if !self.forecast.in_time(waiting, self.turns_max, left, self.wait_max) {
            return Err(Error::Busy);
        }
        let got = timeout_at(deadline.min(until).into(), self.turns.acquire()).await;
        // The semaphore is never closed.
        let turn = got.ok().and_then(Result::ok).map(|permit| {
            permit.forget();
            self.turn()
        });
        match turn {
            _ if Instant::now() >= deadline => Err(Error::DeadlinePassed),
            Some(turn) => Ok(turn),
            None => Err(Error::Busy),
        }
    }

    fn turn(self: &Arc<Self>) -> Turn {
        Turn { queue: self.clone(), begun: None, end: End::Done }
    }
}

impl Turn {
    pub fn meter(&self) -> &Pool {
        &self.queue.meter
    }

    pub fn begin(&mut self) {
        self.begun = Some(Instant::now());
    }

    pub fn end(&mut self, end: End) {
        self.end = end;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(begun) = self.begun {
            self.queue.meter.used(begun.elapsed());
        }
        match (self.begun, self.end) {
            (Some(begun), End::Done) => self.queue.forecast.took(begun.elapsed()),
            (Some(begun), End::Cut) => self.queue.forecast.cut(begun.elapsed()),
            (None, _) | (_, End::Left) => {}
        }
        self.queue.turns.add_permits(1);
    }
}
