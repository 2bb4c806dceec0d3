//! A Get that comes → its turn at once, a place to wait, or neither; a turn that ends → those that have the next.
//!
//! Who waits only ever waits for a turn that somebody has, so no lane is left with callers and no turn.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::join::{Answer, Settings, Wanted};
use super::shapes::Shape;
use crate::call::Scope;

/// All lanes there are; one without turns under way is none.
pub(super) struct Lanes {
    settings: Settings,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    lanes: HashMap<Key, Lane>,
    /// Never given twice, so that who leaves late removes nobody else's ticket.
    next_ticket: u64,
}

/// Shapes are told apart by address: a lane keeps its own alive.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    shape: usize,
    scope: Scope,
}

struct Lane {
    /// While there is a lane, no other shape gets its address.
    _shape: Arc<Shape>,
    /// Turns that have not ended.
    under_way: usize,
    /// In the order they came.
    waiting: BTreeMap<u64, Ticket>,
}

/// A call that waits for its turn.
pub(super) struct Ticket {
    pub wanted: Wanted,
    pub answer: oneshot::Sender<Answer>,
}

pub(super) enum Entered {
    /// A turn, which ends when `next` finds nobody.
    Now(Key),
    Wait {
        lane: Key,
        ticket: u64,
        answer: oneshot::Receiver<Answer>,
    },
}

/// As many wait already as may.
pub(super) struct Full;

impl Lanes {
    pub fn new(settings: Settings) -> Self {
        Lanes { settings, open: Mutex::default() }
    }

    pub fn enter(&self, wanted: &Wanted) -> Result<Entered, Full> {
        let lane = Key { shape: Arc::as_ptr(&wanted.shape) as usize, scope: wanted.scope.clone() };
        let mut open = self.open();
        let Open { lanes, next_ticket } = &mut *open;
        let found = lanes.entry(lane.clone()).or_insert_with(|| Lane {
            _shape: wanted.shape.clone(),
            under_way: 0,
            waiting: BTreeMap::new(),
        });
        if found.under_way < self.settings.statements_max.max(1) {
            found.under_way += 1;
            return Ok(Entered::Now(lane));
        }
        if found.waiting.len() >= self.settings.waiting_max {
            return Err(Full);
        }
        let (sender, answer) = oneshot::channel();
        let ticket = *next_ticket;
        *next_ticket += 1;
        found.waiting.insert(ticket, Ticket { wanted: wanted.clone(), answer: sender });
        Ok(Entered::Wait { lane, ticket, answer })
    }

    /// Those whose turn it is, at most `calls_max`; the turn is over when there are none.
    pub fn next(&self, lane: &Key) -> Vec<Ticket> {
        let mut open = self.open();
        let Some(found) = open.lanes.get_mut(lane) else { return Vec::new() };
        let calls = found.waiting.len().min(self.settings.calls_max);
        let tickets: Vec<_> = std::iter::from_fn(|| found.waiting.pop_first()).take(calls).collect();
        if tickets.is_empty() {
            found.under_way -= 1;
            if found.under_way == 0 {
                open.lanes.remove(lane);
            }
        }
        tickets.into_iter().map(|(_, ticket)| ticket).collect()
    }

    /// The place of a call that no longer waits.
    pub fn leave(&self, lane: &Key, ticket: u64) {
        if let Some(found) = self.open().lanes.get_mut(lane) {
            found.waiting.remove(&ticket);
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
