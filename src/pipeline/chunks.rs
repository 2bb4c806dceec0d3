//! A stream's work → its reader: messages, one in between, then how it ended.
//!
//! A reader that takes nothing for `stall_max` ends the work: rows and shares are given back, and what
//! waits to be sent is followed by the reason.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc::{self, Permit};
use tokio::task::AbortHandle;
use tokio::time::timeout_at;

use super::Pipeline;
use super::ahead::Place;
use super::stream::Work;
use crate::call::{Call, Deadline, Notes};
use crate::error::Error;
use crate::plan::{Method, Plans};
use crate::postgres;
use crate::wire::Payload;

/// The messages of a stream; dropping it ends the work.
pub struct Chunks {
    messages: mpsc::Receiver<Payload>,
    between: Arc<Between>,
    /// None when there was no place for it.
    work: Option<AbortHandle>,
    _place: Option<Place>,
}

/// Where the work puts the messages.
pub(super) struct Output {
    messages: mpsc::Sender<Payload>,
    between: Arc<Between>,
}

/// What a stream's work and its reader tell each other besides the messages.
struct Between {
    notes: Mutex<Notes>,
    taken_at: Mutex<Instant>,
    /// How the work ended.
    end: OnceLock<Result<(), Error>>,
}

impl Chunks {
    pub(super) fn start(
        pipeline: Arc<Pipeline>,
        plans: Arc<Plans>,
        method: Arc<Method>,
        call: Call,
        request: Bytes,
    ) -> Self {
        let (sender, messages) = mpsc::channel(1);
        let between = Arc::new(Between {
            notes: Mutex::default(),
            taken_at: Mutex::new(Instant::now()),
            end: OnceLock::new(),
        });
        match pipeline.streams.enter() {
            Ok(place) => {
                let output = Output { messages: sender, between: between.clone() };
                let work = Work { pipeline, plans, method, call, output };
                let work = tokio::spawn(work.run(request)).abort_handle();
                Chunks { messages, between, work: Some(work), _place: Some(place) }
            }
            Err(full) => {
                between.end.get_or_init(|| Err(full));
                Chunks { messages, between, work: None, _place: None }
            }
        }
    }

    /// None at the end; an error is the end too.
    pub async fn next(&mut self) -> Option<Result<Payload, Error>> {
        self.taken();
        if let Some(payload) = self.messages.recv().await {
            return Some(Ok(payload));
        }
        match self.between.end.get() {
            Some(Ok(())) => None,
            Some(Err(error)) => Some(Err(error.clone())),
            // Only a panic ends the work without a word.
            None => Some(Err(postgres::Error::Spent.into())),
        }
    }

    /// The reader has taken something.
    pub fn taken(&self) {
        *lock(&self.between.taken_at) = Instant::now();
    }

    /// Complete once `next` has answered None or an error.
    pub fn notes(&self) -> Notes {
        lock(&self.between.notes).clone()
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        if let Some(work) = &self.work {
            work.abort();
        }
    }
}

impl Output {
    /// A place for one more message; None when nobody is left to read it.
    pub async fn room(&self, call: &Call, stall_max: Duration) -> Result<Option<Permit<'_, Payload>>, Error> {
        match self.messages.try_reserve() {
            Ok(room) => return Ok(Some(room)),
            Err(mpsc::error::TrySendError::Closed(())) => return Ok(None),
            Err(mpsc::error::TrySendError::Full(())) => {}
        }
        let begun = Instant::now();
        let mut reserved = pin!(self.messages.reserve());
        loop {
            let stalled_at = begun.max(*lock(&self.between.taken_at)) + stall_max;
            let late = match call.deadline {
                Deadline::Given(at) => at.min(stalled_at),
                Deadline::Default(_) => stalled_at,
            };
            if let Ok(room) = timeout_at(late.into(), &mut reserved).await {
                return Ok(room.ok());
            }
            if late < stalled_at {
                return Err(postgres::Error::DeadlinePassed.into());
            }
            if begun.max(*lock(&self.between.taken_at)) + stall_max <= Instant::now() {
                return Err(Error::Stalled { stall_max });
            }
        }
    }

    pub fn end(&self, how: Result<(), Error>) {
        self.between.end.get_or_init(|| how);
    }

    pub fn note(&self, note: impl FnOnce(&mut Notes)) {
        note(&mut lock(&self.between.notes));
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
