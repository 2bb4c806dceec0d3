//! A run's statements → what is told of them: to metrics at once, and to the call they were run for.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::error::Error;
use super::peer::Peer;
use super::rows::Rows;
use crate::catalog::Oid;
use crate::sql::{About, Statement};
use crate::telemetry::Pool;

/// Statements told of one call; of a stream's further ones only how many there were.
const STATEMENTS_MAX: usize = 32;

/// A statement that was run for a call, or for several that were joined.
#[derive(Debug)]
pub struct Ran {
    pub about: Arc<About>,
    /// Without values: those are parameters.
    pub text: Arc<str>,
    /// The parameters' types.
    pub types: Box<[Oid]>,
    pub server: Peer,
    pub since: Instant,
    /// Of the whole run: siblings travel together.
    pub time: Duration,
    /// Rows, or what kind of failure there was: a SQLSTATE where Postgres said one.
    pub outcome: Result<u64, Cow<'static, str>>,
    /// Its place in a trace.
    pub span: u64,
    /// The trace it was told in first; other calls that it was run for link to it there.
    pub home: OnceLock<u128>,
}

/// The statements of one call; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// None until there is one to be noted.
    lines: Option<Arc<Mutex<Lines>>>,
}

#[derive(Debug, Default)]
struct Lines {
    ran: Vec<Arc<Ran>>,
    left_out: usize,
}

impl Journal {
    /// The same, ready to be given to those who write in it.
    pub fn shared(&mut self) -> Journal {
        Journal { lines: Some(self.lines.get_or_insert_default().clone()) }
    }

    pub fn note(&mut self, ran: Arc<Ran>) {
        self.lines.get_or_insert_default().lock().unwrap_or_else(PoisonError::into_inner).note(ran);
    }

    /// Adds what another has, unless they are the same.
    pub fn add(&mut self, other: &Journal) {
        if let (Some(ours), Some(theirs)) = (&self.lines, &other.lines)
            && Arc::ptr_eq(ours, theirs)
        {
            return;
        }
        let (ran, left_out) = other.read();
        if ran.is_empty() {
            return;
        }
        let lines = self.lines.get_or_insert_default();
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.left_out += left_out;
        ran.into_iter().for_each(|ran| lines.note(ran));
    }

    /// What was noted, and how many further statements there were.
    pub fn read(&self) -> (Vec<Arc<Ran>>, usize) {
        let Some(lines) = &self.lines else { return (Vec::new(), 0) };
        let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        (lines.ran.clone(), lines.left_out)
    }
}

impl Lines {
    fn note(&mut self, ran: Arc<Ran>) {
        match self.ran.len() < STATEMENTS_MAX {
            true => self.ran.push(ran),
            false => self.left_out += 1,
        }
    }
}

/// Of a statement under way, what is told when it has ended.
struct Told {
    about: Arc<About>,
    text: Arc<str>,
    types: Box<[Oid]>,
}

/// A run under way. Dropped before it has ended, its statements were cancelled.
pub(super) struct Running {
    statements: Vec<Told>,
    pool: Pool,
    server: Peer,
    journal: Journal,
    since: Instant,
}

impl Running {
    /// None where nothing of it is to be told.
    pub fn new(
        statements: &[Statement],
        pool: &Pool,
        server: &Peer,
        journal: Option<&Journal>,
    ) -> Option<Self> {
        let told = |statement: &Statement| {
            let types = statement.params.iter().map(|param| param.oid).collect();
            Some(Told { about: statement.about.clone()?, text: statement.text.clone(), types })
        };
        let statements: Vec<_> = statements.iter().filter_map(told).collect();
        (!statements.is_empty()).then(|| Running {
            statements,
            pool: pool.clone(),
            server: server.clone(),
            journal: journal.cloned().unwrap_or_default(),
            since: Instant::now(),
        })
    }

    pub fn ended(mut self, outcome: &Result<Vec<Rows>, Error>) {
        match outcome {
            Ok(rows) => {
                // One `Rows` per statement; those of our own upkeep never run beside these.
                let rows: Vec<u64> = rows.iter().map(|rows| rows.len() as u64).collect();
                self.tell(|at| Ok(rows.get(at).copied().unwrap_or_default()));
            }
            Err(error) => {
                let kind = kind(error);
                self.tell(|_| Err(kind.clone()));
            }
        }
    }

    fn tell(&mut self, outcome: impl Fn(usize) -> Result<u64, Cow<'static, str>>) {
        let time = self.since.elapsed();
        for (at, Told { about, text, types }) in std::mem::take(&mut self.statements).into_iter().enumerate()
        {
            let ran = Ran {
                about,
                text,
                types,
                server: self.server.clone(),
                since: self.since,
                time,
                outcome: outcome(at),
                span: rand::random::<u64>().max(1),
                home: OnceLock::new(),
            };
            self.pool.ran(&ran);
            if self.journal.lines.is_some() {
                self.journal.note(Arc::new(ran));
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tell(|_| Err(Cow::Borrowed("cancelled")));
    }
}

/// `error.type`: few, and no text of a driver's.
fn kind(error: &Error) -> Cow<'static, str> {
    match error {
        Error::Sql(failure) if failure.raised_by_function() => Cow::Borrowed("raised"),
        Error::Sql(failure) => Cow::Owned(failure.state.clone()),
        error => Cow::Borrowed(error.reason().as_str_name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> Peer {
        Peer { address: "h".into(), port: 1, database: "d".into() }
    }

    fn ran(span: u64) -> Arc<Ran> {
        let about = Arc::new(About { summary: "SELECT t".to_owned(), collection: "t".to_owned() });
        Arc::new(Ran {
            about,
            text: "SELECT".into(),
            types: [].into(),
            server: peer(),
            since: Instant::now(),
            time: Duration::ZERO,
            outcome: Ok(1),
            span,
            home: OnceLock::new(),
        })
    }

    #[test]
    fn a_journal_has_a_limit_and_counts_what_is_beyond_it() {
        let mut journal = Journal::default();
        assert_eq!(journal.read().0.len(), 0);
        (0..40).for_each(|span| journal.note(ran(span)));
        let mut all = Journal::default();
        all.note(ran(99));
        all.add(&journal);
        let (told, left_out) = all.read();
        assert_eq!((told.len(), left_out), (STATEMENTS_MAX, 40 + 1 - STATEMENTS_MAX));
    }

    #[test]
    fn who_shares_a_journal_writes_in_the_same() {
        let mut journal = Journal::default();
        let mut shared = journal.shared();
        shared.note(ran(1));
        assert_eq!(journal.read().0.len(), 1);
        journal.add(&shared);
        assert_eq!(journal.read().0.len(), 1);
    }

    #[test]
    fn what_is_dropped_was_cancelled() {
        let statement = Statement { about: Some(ran(1).about.clone()), ..Statement::own("SELECT 1", []) };
        let mut journal = Journal::default();
        let shared = journal.shared();
        let begun =
            |statements: &[Statement]| Running::new(statements, &Pool::default(), &peer(), Some(&shared));
        drop(begun(std::slice::from_ref(&statement)));
        begun(std::slice::from_ref(&statement)).unwrap().ended(&Err(Error::Busy));
        begun(&[statement]).unwrap().ended(&Ok(vec![Rows::default()]));
        assert!(begun(&[Statement::own("SELECT 1", [])]).is_none());
        let outcomes: Vec<_> = journal.read().0.iter().map(|ran| ran.outcome.clone()).collect();
        assert_eq!(outcomes, [Err("cancelled".into()), Err("DATABASE_BUSY".into()), Ok(0)]);
    }
}
