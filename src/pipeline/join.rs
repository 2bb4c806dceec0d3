//! Concurrent Gets of one shape → one statement, shared.
//!
//! A shape is a resource, a mask and a scope of one load, at one server. Its Gets pass through a lane:
//!
//! ```text
//!            nothing is under way
//! call ──► lane ────────────────────► runs at once, in the caller's own task
//!            │ else                          │ done, failed or left
//!            ▼                               ▼
//!         waits ◄─── next turn: all that wait, at most calls_max, as one statement
//!            │ they fill a statement, or the one under way is overdue
//!            └─────► a further turn, at most statements_max
//! ```
//!
//! So nothing is delayed when the lane is idle, and under load a statement carries as many keys as
//! came while the last one ran. The next one is sent before the last one's answers are, so that
//! Postgres and this process work at the same time, and not in turns.
//!
//! The ordinal of its key finds the caller of a row: equality of values would not, since a collation
//! may call `foo` and `Foo` the same. A statement runs to the latest deadline of its callers, each of
//! whom stops waiting at its own; when the last has left it is cancelled. What is wrong with one row
//! fails its caller alone: when Postgres refuses a shared statement, or its rows are larger than the
//! limit, its calls are run again one by one, within the same turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::lanes::{Entered, Full, Key, Lanes, Passed, Ticket, Turns};
use super::list::RAW_RATIO_MAX;
use super::relations::ordinal;
use super::shapes::Shape;
use crate::call::{Notes, Scope, Stage};
use crate::error::Error;
use crate::plan::Plans;
use crate::postgres::{
    self, Ending, Journal, Limit, Mode, Ran, Rows, Seen, Server, Sight, StatementTimeout, Want,
};
use crate::wire::{self, Level, Payload};

/// How Gets are joined.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Calls of one statement at most; 1 joins nothing.
    pub calls_max: usize,
    /// Statements of one shape under way at most. A further one goes only when it is full, or when
    /// the last takes longer than usual: fewer carry more calls each.
    pub statements_max: usize,
    /// Calls of one shape that wait; a further one is refused, and one that would wait too long.
    pub waiting_max: usize,
}

/// Where Gets meet. Cheap to clone.
#[derive(Clone)]
pub(super) struct Joiner {
    inner: Arc<Inner>,
}

struct Inner {
    message_bytes_max: usize,
    calls_max: usize,
    lanes: Lanes,
}

/// One Get, bound.
#[derive(Clone)]
pub(super) struct Wanted {
    pub plans: Arc<Plans>,
    pub shape: Arc<Shape>,
    /// Where it is read.
    pub server: Server,
    pub sight: Sight,
    pub scope: Scope,
    pub key: Vec<Bytes>,
    pub deadline: Instant,
}

/// A row's message, or that there is none, and what it was read with.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub payload: Option<Payload>,
    pub seen: Option<Arc<Seen>>,
}

/// What a call gets, and what the statement took.
pub(super) struct Answer {
    result: Result<Found, Error>,
    took: Took,
}

/// When each stage began, and how long it took.
#[derive(Debug, Clone, Default)]
struct Took {
    acquire: Option<(Instant, Duration)>,
    execute: Option<(Instant, Duration)>,
    encode: Option<(Instant, Duration)>,
    ran: Option<Arc<Ran>>,
}

impl Answer {
    /// For a call whose deadline passed before its turn.
    pub fn late() -> Self {
        Answer { result: Err(postgres::Error::DeadlinePassed.into()), took: Took::default() }
    }

    fn note(self, notes: &mut Notes) -> Result<Found, Error> {
        let Took { acquire, execute, encode, ran } = self.took;
        let stages = [(Stage::Acquire, acquire), (Stage::Execute, execute), (Stage::Encode, encode)];
        for (stage, (since, time)) in stages.into_iter().filter_map(|(stage, took)| Some((stage, took?))) {
            notes.lasted(stage, since, time);
        }
        if let Some(ran) = ran {
            notes.journal.note(ran);
        }
        self.result
    }
}

enum Entry {
    Now(Turn, Wanted),
    Wait(Place),
}

/// The right to have a statement under way; dropping it passes it on to those that wait.
struct Turn {
    joiner: Joiner,
    lane: Key,
    begun: Instant,
    /// A call may be dropped outside of its runtime.
    runtime: Handle,
}

/// Where a call waits; dropping it gives the place to another.
struct Place {
    joiner: Joiner,
    lane: Key,
    ticket: u64,
    answer: oneshot::Receiver<Answer>,
}

impl Joiner {
    pub fn new(message_bytes_max: usize, settings: Settings) -> Self {
        let (calls_max, lanes) = (settings.calls_max, Lanes::new(settings));
        Joiner { inner: Arc::new(Inner { message_bytes_max, calls_max, lanes }) }
    }

    pub async fn get(&self, wanted: Wanted, notes: &mut Notes) -> Result<Found, Error> {
        // Of a call that is cut off here nobody knows how far its statement was.
        notes.enter(Stage::Execute);
        if self.inner.calls_max <= 1 {
            return Box::pin(self.inner.alone(&wanted, None)).await.note(notes);
        }
        let answer = match self.enter(wanted)? {
            // Few of those that come under load do; the rest need not carry its future.
            Entry::Now(turn, wanted) => Box::pin(self.inner.alone(&wanted, Some(turn))).await,
            Entry::Wait(mut place) => (&mut place.answer).await.unwrap_or_else(|_| Answer {
                // Only a panic drops a ticket unanswered while its caller waits.
                result: Err(postgres::Error::Spent.into()),
                took: Took::default(),
            }),
        };
        answer.note(notes)
    }

    /// Called by the call itself, so in its runtime.
    fn turn(&self, lane: Key) -> Turn {
        Turn { joiner: self.clone(), lane, begun: Instant::now(), runtime: Handle::current() }
    }

    fn enter(&self, wanted: Wanted) -> Result<Entry, Error> {
        match self.inner.lanes.enter(wanted) {
            Ok(Entered::Now(lane, wanted)) => Ok(Entry::Now(self.turn(lane), wanted)),
            Ok(Entered::Wait { lane, ticket, answer, turns }) => {
                if turns == Turns::Further {
                    self.turn(lane.clone()).pass_on();
                }
                Ok(Entry::Wait(Place { joiner: self.clone(), lane, ticket, answer }))
            }
            Err(Full) => Err(postgres::Error::Busy.into()),
        }
    }
}

impl Turn {
    /// To those that wait.
    fn pass_on(self) {
        let runtime = self.runtime.clone();
        runtime.spawn(self.go_on());
    }

    /// The next statement.
    async fn go_on(mut self) {
        self.begun = Instant::now();
        let inner = self.joiner.inner.clone();
        let tickets = inner.lanes.next(&self.lane);
        inner.together(tickets, self).await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Passed::On = self.joiner.inner.lanes.pass(&self.lane, self.begun.elapsed()) {
            let (joiner, lane, runtime) = (self.joiner.clone(), self.lane.clone(), self.runtime.clone());
            Turn { joiner, lane, begun: self.begun, runtime }.pass_on();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.answer.is_terminated() {
            self.joiner.inner.lanes.leave(&self.lane, self.ticket);
        }
    }
}

impl Inner {
    /// One call, one statement; its turn, when it has one, ends with the statement.
    async fn alone(&self, wanted: &Wanted, turn: Option<Turn>) -> Answer {
        let mut took = Took::default();
        let ran = self.run(wanted, std::slice::from_ref(&wanted.key), wanted.deadline, &mut took).await;
        drop(turn);
        let begun = Instant::now();
        let result = ran.and_then(|(rows, seen)| self.encode(wanted, &rows, Some(0), seen));
        took.encode = Some((begun, begun.elapsed()));
        Answer { result, took }
    }

    /// Several calls, one statement, as long as any of them waits. Its turn ends with the statement.
    async fn together(&self, mut tickets: Vec<Ticket>, turn: Turn) {
        if tickets.len() == 1 {
            return self.apart(tickets.remove(0)).await;
        }
        let keys: Vec<Vec<Bytes>> = tickets.iter().map(|ticket| ticket.wanted.key.clone()).collect();
        let Some(first) = tickets.first().map(|ticket| ticket.wanted.clone()) else { return };
        let latest = tickets.iter().map(|ticket| ticket.wanted.deadline).max().unwrap_or(first.deadline);
        let mut took = Took::default();
        let ran = {
            let all_left = async {
                for ticket in &mut tickets {
                    ticket.answer.closed().await;
                }
            };
            tokio::select! {
                biased;
                ran = self.run(&first, &keys, latest, &mut took) => ran,
                () = all_left => return,
            }
        };
        match ran {
            Ok((rows, seen)) if !rows.cut => {
                drop(turn);
                self.share(tickets, &rows, seen, took);
            }
            // One row may be at fault, or all of them too much: nobody pays for another's.
            Ok(_) | Err(Error::Postgres(postgres::Error::Sql(_))) => {
                for ticket in tickets {
                    self.apart(ticket).await;
                }
            }
            Err(error) => {
                for ticket in tickets {
                    // Who has left needs no answer.
                    let _ = ticket.answer.send(Answer { result: Err(error.clone()), took: took.clone() });
                }
            }
        }
    }

    async fn apart(&self, mut ticket: Ticket) {
        let answer = tokio::select! {
            biased;
            () = ticket.answer.closed() => return,
            answer = self.alone(&ticket.wanted, None) => answer,
        };
        // Who has left needs no answer.
        let _ = ticket.answer.send(answer);
    }

    fn share(&self, tickets: Vec<Ticket>, rows: &Rows, seen: Option<Arc<Seen>>, took: Took) {
        let mut found = vec![None; tickets.len()];
        let at = tickets.first().map_or(0, |ticket| ticket.wanted.shape.projection.outputs.len());
        for (row, columns) in rows.iter().enumerate() {
            if let Some(place) = found.get_mut(ordinal(columns.get(at))) {
                // A key that is not unique finds several; the first is also what one call finds.
                place.get_or_insert(row);
            }
        }
        let mut begun = Instant::now();
        for (ticket, row) in tickets.into_iter().zip(found) {
            let result = self.encode(&ticket.wanted, rows, row, seen.clone());
            let ended = Instant::now();
            let since = std::mem::replace(&mut begun, ended);
            let encode = Some((since, ended.duration_since(since)));
            // Who has left needs no answer.
            let _ = ticket.answer.send(Answer { result, took: Took { encode, ..took.clone() } });
        }
    }

    async fn run(
        &self,
        wanted: &Wanted,
        keys: &[Vec<Bytes>],
        deadline: Instant,
        took: &mut Took,
    ) -> Result<(Rows, Option<Arc<Seen>>), Error> {
        let started = Instant::now();
        let resource = &wanted.plans.resources[wanted.shape.resource];
        let statement = match keys {
            [key] => wanted.shape.one(resource, key),
            keys => wanted.shape.several(resource, keys.iter().map(Vec::as_slice)),
        };
        let (mode, statement_timeout, sight) = (Mode::Single, StatementTimeout::Net, wanted.sight);
        let session = wanted.server.session(Want { deadline, mode, statement_timeout, sight }).await;
        took.acquire = Some((started, started.elapsed()));
        let started = Instant::now();
        // A batch of ordinary rows fits; when one does not, each call is run by itself.
        let limit = Limit { bytes_max: self.message_bytes_max.saturating_mul(RAW_RATIO_MAX) };
        let mut journal = Journal::default();
        let mut session = session?.noted(journal.shared());
        let ran = session.run(std::slice::from_ref(&statement), Ending::Last, limit).await;
        took.execute = Some((started, started.elapsed()));
        took.ran = journal.read().0.pop();
        let rows = ran?.pop().unwrap_or_default();
        Ok((rows, session.take_seen().map(Arc::new)))
    }

    /// The message of one row, if there is one.
    fn encode(
        &self,
        wanted: &Wanted,
        rows: &Rows,
        row: Option<usize>,
        seen: Option<Arc<Seen>>,
    ) -> Result<Found, Error> {
        let resource = &wanted.plans.resources[wanted.shape.resource];
        let bytes_max = self.message_bytes_max;
        if rows.cut {
            let row = resource.name_of_key(&wanted.key);
            let bytes =
                rows.oversized.map_or(bytes_max, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
            return Err(Error::Wire(wire::Error::RowTooLarge { row, bytes, bytes_max }));
        }
        let payload = row.and_then(|row| rows.row(row)).map(|row| {
            let level = Level { rows: vec![row], children: Vec::new() };
            wire::message(&wanted.shape.projection, &level, 0, bytes_max)
        });
        Ok(Found { payload: payload.transpose()?, seen })
    }
}
