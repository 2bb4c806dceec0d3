//! A Get that comes → its turn at once, a place to wait, or neither; a turn that ends → those that have the next.
//!
//! A Get that would be answered too late is not let in, and one whose deadline passed while it waited
//! has no part in a statement. Who waits only ever waits for a turn that somebody has, so no lane is
//! left with callers and no turn.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::join::{Answer, Settings, Wanted};
use super::shapes::Shape;
use crate::call::Scope;
use crate::postgres::Sight;

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

/// Shapes are told apart by address: a lane keeps its own alive. So are servers, which live as long as the process.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    shape: usize,
    server: usize,
    sight: Sight,
    scope: Scope,
}

struct Lane {
    /// While there is a lane, no other shape gets its address.
    shape: Arc<Shape>,
    /// Turns that have not ended.
    under_way: usize,
    /// When the last of them began.
    begun: Instant,
    /// In the order they came.
    waiting: BTreeMap<u64, Ticket>,
}

/// A call that waits for its turn.
pub(super) struct Ticket {
    pub wanted: Wanted,
    pub answer: oneshot::Sender<Answer>,
}

impl Ticket {
    /// None when its deadline has passed, and its caller told.
    fn in_time(self, now: Instant) -> Option<Ticket> {
        if now < self.wanted.deadline {
            return Some(self);
        }
        // Who has left needs no answer.
        let _ = self.answer.send(Answer::late());
        None
    }
}

pub(super) enum Entered {
    /// A turn, which ends when it is passed and nobody waits.
    Now(Key, Wanted),
    Wait {
        lane: Key,
        ticket: u64,
        answer: oneshot::Receiver<Answer>,
        turns: Turns,
    },
}

/// What those that wait have to wait for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turns {
    /// The end of a turn that is under way.
    UnderWay,
    /// A further one, which begins now.
    Further,
}

/// What becomes of a turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Passed {
    On,
    Over,
}

/// As many wait already as may, or as can be answered in time.
pub(super) struct Full;

impl Lanes {
    pub fn new(settings: Settings) -> Self {
        Lanes { settings, open: Mutex::default() }
    }

    pub fn enter(&self, wanted: Wanted) -> Result<Entered, Full> {
        let lane = Key {
            shape: Arc::as_ptr(&wanted.shape) as usize,
            server: wanted.server.id(),
            sight: wanted.sight,
            scope: wanted.scope.clone(),
        };
        let now = Instant::now();
        let mut open = self.open();
        let Open { lanes, next_ticket } = &mut *open;
        let found = lanes.entry(lane.clone()).or_insert_with(|| Lane {
            shape: wanted.shape.clone(),
            under_way: 0,
            begun: now,
            waiting: BTreeMap::new(),
        });
        if found.under_way == 0 {
            found.under_way = 1;
            return Ok(Entered::Now(lane, wanted));
        }
        let turns = self.turns(found, now);
        let left = wanted.deadline.saturating_duration_since(now);
        let ahead = found.waiting.len() / self.settings.calls_max.max(1) + 1;
        let in_time = turns == Turns::Further
            || found.shape.forecast.in_time(ahead, found.under_way, left, Duration::MAX);
        if found.waiting.len() >= self.settings.waiting_max || !in_time {
            return Err(Full);
        }
        if turns == Turns::Further {
            found.under_way += 1;
            found.begun = now;
            if found.waiting.is_empty() {
                return Ok(Entered::Now(lane, wanted));
            }
        }
        let (sender, answer) = oneshot::channel();
        let ticket = *next_ticket;
        *next_ticket += 1;
        found.waiting.insert(ticket, Ticket { wanted, answer: sender });
        Ok(Entered::Wait { lane, ticket, answer, turns })
    }

    /// Few and full statements cost Postgres the least, so a further one goes only when it would be
    /// full, or when the last takes so long that it may hold up what would not.
    fn turns(&self, lane: &Lane, now: Instant) -> Turns {
        let full = lane.waiting.len() + 1 >= self.settings.calls_max;
        let late = || lane.shape.forecast.overdue(now.duration_since(lane.begun));
        match lane.under_way < self.settings.statements_max && (full || late()) {
            true => Turns::Further,
            false => Turns::UnderWay,
        }
    }

    /// The end of a statement that took so long: the turn goes on for those that wait, or is over.
    pub fn pass(&self, lane: &Key, took: Duration) -> Passed {
        let mut open = self.open();
        let Some(found) = open.lanes.get_mut(lane) else { return Passed::Over };
        found.shape.forecast.took(took);
        if !found.waiting.is_empty() {
            return Passed::On;
        }
        found.under_way -= 1;
        if found.under_way == 0 {
            open.lanes.remove(lane);
        }
        Passed::Over
    }

    /// Those whose turn it is, at most `calls_max`.
    pub fn next(&self, lane: &Key) -> Vec<Ticket> {
        let mut open = self.open();
        let Some(found) = open.lanes.get_mut(lane) else { return Vec::new() };
        let now = Instant::now();
        found.begun = now;
        let waiting = std::iter::from_fn(|| found.waiting.pop_first());
        waiting.filter_map(|(_, ticket)| ticket.in_time(now)).take(self.settings.calls_max).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::keep::Defaults;
    use crate::plan::fixture::{Database, resource};
    use crate::plan::mask::Mask;
    use crate::postgres::{self, Postgres, Server};

    const CONTRACT: &str = "
        service Shop { rpc GetBook(GetBookRequest) returns (Book); }
        message GetBookRequest { int64 id = 1; }
        message Book { option (rowcall.v1.table) = { name: \"book\" }; int64 id = 1; string title = 2; }
    ";
    const TURN: Duration = Duration::from_millis(100);

    /// Two calls a statement, one statement at a time.
    fn lanes() -> Lanes {
        Lanes::new(Settings { calls_max: 2, statements_max: 1, waiting_max: 100 })
    }

    /// A call with so much time left.
    fn wanted() -> impl Fn(Duration) -> Wanted {
        let (plans, _) = Database::new().table("book", "id int8 key, title text").compile(CONTRACT);
        let plans = Arc::new(plans);
        let at = resource(&plans, "Book");
        let defaults = Defaults { ttl: TURN, idle: TURN };
        let shape = Arc::new(Shape::new(&plans, at, &Mask::all(), defaults).unwrap());
        // Nobody listens there, and nothing is asked of it.
        let url = "postgres://127.0.0.1:1/nothing".to_owned();
        let server = Server::Primary(
            Postgres::new(postgres::Settings { url, ..postgres::Settings::default() }).unwrap(),
        );
        move |left| Wanted {
            plans: plans.clone(),
            shape: shape.clone(),
            server: server.clone(),
            sight: Sight::Untold,
            scope: Scope::default(),
            key: Vec::new(),
            deadline: Instant::now() + left,
        }
    }

    fn waits(entered: Result<Entered, Full>) -> oneshot::Receiver<Answer> {
        match entered {
            Ok(Entered::Wait { answer, .. }) => answer,
            Ok(Entered::Now(..)) => panic!("it has its turn"),
            Err(Full) => panic!("it is refused"),
        }
    }

    /// How many have the turn behind one that ends.
    fn next(lanes: &Lanes, lane: &Key) -> usize {
        assert_eq!(lanes.pass(lane, TURN), Passed::On);
        lanes.next(lane).len()
    }

    #[tokio::test]
    async fn who_is_late_has_no_part_in_a_statement() {
        let (lanes, wanted) = (lanes(), wanted());
        let Ok(Entered::Now(lane, _)) = lanes.enter(wanted(TURN)) else { panic!("nobody is before it") };
        let mut late: Vec<_> = (0..3).map(|_| waits(lanes.enter(wanted(Duration::ZERO)))).collect();
        let mut patient: Vec<_> = (0..3).map(|_| waits(lanes.enter(wanted(TURN * 100)))).collect();
        assert_eq!(next(&lanes, &lane), 2, "the turn is for those in time alone");
        assert!(late.iter_mut().all(|late| late.try_recv().is_ok()), "and the others are told");
        assert_eq!(next(&lanes, &lane), 1);
        // Their tickets are dropped here, unanswered.
        assert!(patient.iter_mut().all(|patient| patient.try_recv().is_err()));
        let late = waits(lanes.enter(wanted(Duration::ZERO)));
        assert_eq!(next(&lanes, &lane), 0);
        assert_eq!(lanes.pass(&lane, TURN), Passed::Over);
        drop(late);
        assert!(matches!(lanes.enter(wanted(TURN)), Ok(Entered::Now(..))), "the lane is free again");
    }

    /// What a call that waits has to wait for.
    fn turns(entered: Result<Entered, Full>) -> Turns {
        match entered {
            Ok(Entered::Wait { turns, .. }) => turns,
            Ok(Entered::Now(..)) => panic!("it has its turn"),
            Err(Full) => panic!("it is refused"),
        }
    }

    #[tokio::test]
    async fn a_further_turn_begins_when_it_is_full_or_the_last_is_overdue() {
        let lanes = Lanes::new(Settings { calls_max: 3, statements_max: 2, waiting_max: 100 });
        let (wanted, long) = (wanted(), TURN * 1_000);
        let Ok(Entered::Now(lane, _)) = lanes.enter(wanted(long)) else { panic!("nobody is before it") };
        (0..20).for_each(|_| lanes.open().lanes[&lane].shape.forecast.took(TURN));
        assert_eq!(turns(lanes.enter(wanted(long))), Turns::UnderWay);
        assert_eq!(turns(lanes.enter(wanted(long))), Turns::UnderWay);
        assert_eq!(turns(lanes.enter(wanted(long))), Turns::Further, "the third fills a statement");
        assert_eq!(turns(lanes.enter(wanted(long))), Turns::UnderWay, "there are as many as may be");
        assert_eq!(lanes.next(&lane).len(), 3);
        lanes.next(&lane);
        assert_eq!(lanes.pass(&lane, TURN), Passed::Over);
        assert_eq!(turns(lanes.enter(wanted(long))), Turns::UnderWay);
        lanes.open().lanes.get_mut(&lane).unwrap().begun -= TURN * 5;
        assert_eq!(turns(lanes.enter(wanted(long))), Turns::Further, "the one under way is overdue");
    }

    #[tokio::test]
    async fn who_would_be_late_is_refused() {
        let (lanes, wanted) = (lanes(), wanted());
        let Ok(Entered::Now(lane, _)) = lanes.enter(wanted(TURN)) else { panic!("nobody is before it") };
        for _ in 0..20 {
            let _answer = waits(lanes.enter(wanted(TURN * 100)));
            assert_eq!(next(&lanes, &lane), 1);
        }
        // A turn to wait for, which counts twice, and its own.
        let (short, enough) = (TURN * 5 / 2, TURN * 4);
        assert!(matches!(lanes.enter(wanted(short)), Err(Full)));
        let waiting = [(); 2].map(|()| waits(lanes.enter(wanted(enough))));
        // Two fill a statement: the next has two turns to wait for.
        assert!(matches!(lanes.enter(wanted(enough)), Err(Full)));
        drop(waiting);
    }
}
