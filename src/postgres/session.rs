//! A connection for one call: statements in, rows out, and nothing left behind however the call ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{timeout, timeout_at};

use super::cancel::settle;
use super::connection::Settings as Hold;
use super::encode::Command;
use super::error::Error;
use super::fixed;
use super::pool::Checkout;
use super::queue::End;
use super::ran::{Journal, Running};
use super::rewritten;
use super::rows::Rows;
use super::seen::{self, Looks};
use super::settings::Role;
use crate::catalog::Oid;
use crate::sql::{Guard, Statement};

/// What a call needs of its connection.
#[derive(Debug, Clone, Copy)]
pub struct Want {
    /// Bounds the wait for a connection and every run.
    pub deadline: Instant,
    pub mode: Mode,
    pub statement_timeout: StatementTimeout,
    pub sight: Sight,
}

/// Whether it matters what the rows were read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sight {
    Untold,
    /// Every run that begins a view of the database asks for its snapshot too: see `Session::seen`.
    Told,
}

/// What Postgres says its snapshot was: `pg_current_snapshot()`, before the rows were read and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub first: String,
    /// The same as `first` when all was read with one snapshot.
    pub last: String,
    /// The server was in recovery, and its snapshots say nothing of what is in progress.
    pub standby: bool,
    /// What the first look saw of `Servers::witness`. None when nobody asked, and when there is none to be asked any more.
    pub witness: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Every run sees the database as it is then.
    Single,
    /// All runs, up to the one that is `Ending::Last`, see one snapshot.
    Snapshot,
}

/// Who keeps the deadline on the server's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementTimeout {
    /// Our timer and our cancel; the server's own limit is `statement_max`.
    Net,
    /// The server too, for what may not react to a cancel in time. Costs a quarter of the throughput.
    PerCall,
}

/// Whether another run follows in the same snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    More,
    Last,
}

/// How much a run may bring.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Of all rows together. Past it the statement is cancelled and the rows so far are the answer.
    pub bytes_max: usize,
}

impl Default for Limit {
    fn default() -> Self {
        Limit { bytes_max: 256 * 1024 * 1024 }
    }
}

/// A statement's types, as Postgres sees them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    pub params: Vec<Oid>,
    pub columns: Vec<(String, Oid)>,
}

/// Dropped in the middle of a run, it cancels the statement; the connection goes back to the pool
/// once it is known that the cancel can hit nothing else.
pub struct Session {
    /// None only while dropping.
    checkout: Option<Checkout>,
    want: Want,
    cleanup: Cleanup,
    guard: Guard,
    begun: bool,
    looks: Arc<Looks>,
    seen: Option<Seen>,
    /// Where its statements are noted, for who wants to know.
    journal: Option<Journal>,
}

/// What is needed to clean up behind a session.
#[derive(Clone)]
pub(super) struct Cleanup {
    pub cancels: Arc<Semaphore>,
    pub wait_max: Duration,
    pub statement_max: Duration,
    /// Held by every session and every cancel: who waits for all of them waits for its other end.
    pub _open: mpsc::Sender<Infallible>,
}

impl Session {
    pub(super) fn new(checkout: Checkout, want: Want, looks: Arc<Looks>, cleanup: Cleanup) -> Session {
        let (checkout, guard) = (Some(checkout), Guard::default());
        Session { checkout, want, cleanup, guard, begun: false, looks, seen: None, journal: None }
    }

    /// Its statements are noted there.
    pub fn noted(mut self, journal: Journal) -> Session {
        self.journal = Some(journal);
        self
    }

    /// What keeps tables whole in the snapshots to come.
    pub fn guarded(mut self, guard: Guard) -> Session {
        self.guard = guard;
        self
    }

    /// What the rows of the last run were read with; in Snapshot mode, those of all runs so far. None where nobody asked
    /// for it, and when it is not known.
    pub fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }

    /// The same, for who needs it no more afterwards.
    pub fn take_seen(&mut self) -> Option<Seen> {
        self.seen.take()
    }

    /// Runs siblings in one round trip. In Snapshot mode the first run's BEGIN and the guard's locks
    /// ride in front, and the COMMIT behind the one that is last.
    ///
    /// One `Rows` per statement. When one is cut, those after it are cut and empty, the session is
    /// spent, and a snapshot is gone: who needs more runs again. Other errors than Sql, Cancelled and
    /// CatalogChanged spend the session too; those three end a snapshot.
    pub async fn run(
        &mut self,
        statements: &[Statement],
        ending: Ending,
        limit: Limit,
    ) -> Result<Vec<Rows>, Error> {
        let running = self.checkout.as_ref().and_then(|checkout| {
            Running::new(statements, checkout.meter(), &checkout.peer, self.journal.as_ref())
        });
        let ran = self.run_until_told(statements, ending, limit).await;
        if let Some(running) = running {
            running.ended(&ran);
        }
        ran
    }

    async fn run_until_told(
        &mut self,
        statements: &[Statement],
        ending: Ending,
        limit: Limit,
    ) -> Result<Vec<Rows>, Error> {
        let mut again = true;
        loop {
            let fresh = !self.begun;
            match self.run_once(statements, ending, limit).await {
                // Prepared for tables that have changed since: prepared again, and nobody need know.
                Err(Failed::Stale(_)) if again => again = false,
                // Perhaps the lock was all that was refused.
                Err(Failed::For(Error::Sql(failure)))
                    if fresh && self.guard.lock.is_some() && LOCK_REFUSED.contains(&&*failure.state) =>
                {
                    self.guard = Guard { lock: None, check: true };
                }
                // Perhaps there is no witness any more, and the rows are all there is to have.
                Err(failed)
                    if fresh && self.want.sight == Sight::Told && self.looks.witness && gone(&failed) =>
                {
                    self.looks = Arc::new(Looks::new(self.role()?, None));
                }
                other => return other.map_err(Failed::into_error),
            }
        }
    }

    fn role(&self) -> Result<Role, Error> {
        self.checkout.as_deref().map(|connection| connection.role).ok_or(Error::Spent)
    }

    async fn run_once(
        &mut self,
        statements: &[Statement],
        ending: Ending,
        limit: Limit,
    ) -> Result<Vec<Rows>, Failed> {
        let (want, cleanup) = (self.want, &self.cleanup);
        let connection = self.checkout.as_deref_mut().ok_or(Error::Spent)?;
        if !connection.ready() {
            return Err(Error::Spent.into());
        }
        let now = Instant::now();
        let remaining = want.deadline.checked_duration_since(now).ok_or(Error::DeadlinePassed)?;
        let statement_max = match want.statement_timeout {
            StatementTimeout::Net => cleanup.statement_max,
            // Ours is always the first, so that what is cancelled earlier was cancelled by someone else.
            StatementTimeout::PerCall => (remaining + TIMER_SLACK).min(cleanup.statement_max),
        };
        let settings = match (connection.settings, want.statement_timeout) {
            (Hold::Transaction, _) => Some(fixed::transaction(statement_max, connection.access())),
            (Hold::Session, StatementTimeout::PerCall) => Some(fixed::statement_timeout(statement_max)),
            (Hold::Session, StatementTimeout::Net) => None,
        };
        let mut commands = Vec::with_capacity(statements.len() + 6);
        if connection.in_transaction() && !self.begun {
            commands.push(Command::Plain("ROLLBACK"));
        }
        let begins = want.mode == Mode::Snapshot && !self.begun;
        if begins {
            commands.push(Command::Plain("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
            // Before anything that takes the snapshot, as the settings do.
            commands.extend(self.guard.lock.as_deref().map(Command::Plain));
        }
        // Until Sync it is all one transaction, begun or not, so these hold no longer than the run.
        let fresh = begins || want.mode == Mode::Single;
        let per_run = want.statement_timeout == StatementTimeout::PerCall;
        if let Some(settings) = settings.as_deref().filter(|_| fresh || per_run) {
            commands.push(Command::Plain(settings));
        }
        let sight = (want.sight == Sight::Told && fresh).then_some(&*self.looks);
        commands.extend(sight.map(|looks| Command::Statement(&looks.first)));
        commands.extend(statements.iter().map(Command::Statement));
        // One snapshot for all needs no second look.
        let again = sight.filter(|_| want.mode == Mode::Single);
        commands.extend(again.map(|looks| Command::Statement(&looks.last)));
        let check = (want.mode == Mode::Snapshot && self.guard.check).then(rewritten::check);
        commands.extend(check.as_ref().map(Command::Statement));
        if want.mode == Mode::Snapshot && ending == Ending::Last {
            commands.push(Command::Plain("COMMIT"));
        }
        self.begun = want.mode == Mode::Snapshot && ending == Ending::More;
        let ran = timeout_at(want.deadline.into(), connection.run(&commands, limit)).await;
        let error = match ran {
            Ok(Ok(mut rows)) => match check.and_then(|_| rewritten::found(&mut rows)) {
                None => {
                    if sight.is_some() {
                        let seen = seen::take(&mut rows, want.mode, connection.role);
                        connection.turned |= seen.is_err();
                        self.seen = seen?;
                    }
                    return Ok(rows);
                }
                Some(error) => error,
            },
            Ok(Err(error)) => error,
            Err(_) => return Err(Error::DeadlinePassed.into()),
        };
        let ended_snapshot = want.mode == Mode::Snapshot && !begins;
        self.begun = false;
        match error {
            Error::Cancelled if now.elapsed() + TIMER_SLACK >= statement_max => {
                Err(Error::DeadlinePassed.into())
            }
            Error::CatalogChanged(_) if connection.ready() => {
                // Whoever runs them next prepares them again, also where this snapshot cannot.
                statements.iter().for_each(|statement| connection.prepared.forget(statement));
                Err(if ended_snapshot { Failed::For(error) } else { Failed::Stale(error) })
            }
            error => Err(error.into()),
        }
    }

    /// One row with one json column, for the catalog. By its estimated cost Postgres would compile so
    /// large a statement (JIT), for seconds, to run it once in milliseconds; off until the run ends.
    pub async fn json(&mut self, sql: &str) -> Result<serde_json::Value, Error> {
        const JSON: Oid = 114;
        const TEXT: Oid = 25;
        const PLAIN: &str = "SELECT pg_catalog.set_config('jit', 'off', true)";
        let plain = Statement::own(PLAIN, [TEXT]);
        let statement = Statement::own(sql, [JSON]);
        let rows = self.run(&[plain, statement], Ending::Last, Limit::default()).await?;
        let value = rows.last().and_then(|rows| rows.row(0)?.get(0));
        let value = value.ok_or_else(|| Error::Protocol("there is no row with json".to_owned()))?;
        serde_json::from_slice(value).map_err(|error| Error::Protocol(format!("not json: {error}")))
    }

    /// What a statement takes and gives, without running it.
    pub async fn describe(&mut self, sql: &str) -> Result<Described, Error> {
        let connection = self.checkout.as_deref_mut().ok_or(Error::Spent)?;
        if !connection.ready() {
            return Err(Error::Spent);
        }
        let described = timeout_at(self.want.deadline.into(), connection.describe(sql)).await;
        described.map_err(|_| Error::DeadlinePassed)?
    }
}

/// No privilege on the whole table, no more a table, and more partitions than there is room for.
const LOCK_REFUSED: [&str; 3] = ["42501", "42809", "53200"];

/// A table, a schema or a privilege that is not there.
fn gone(failed: &Failed) -> bool {
    match failed {
        Failed::Stale(error) | Failed::For(error) => match error {
            Error::CatalogChanged(_) => true,
            Error::Sql(failure) => matches!(&*failure.state, "3F000" | "42501"),
            _ => false,
        },
    }
}

/// A server's timer and ours never agree to the last.
const TIMER_SLACK: Duration = Duration::from_millis(20);

/// Why a run has no rows.
enum Failed {
    /// Worth one more try, with everything prepared again.
    Stale(Error),
    For(Error),
}

impl Failed {
    fn into_error(self) -> Error {
        match self {
            Failed::Stale(error) | Failed::For(error) => error,
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed::For(error)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(mut checkout) = self.checkout.take() else { return };
        if checkout.settled() {
            return;
        }
        checkout.end(match Instant::now() + TIMER_SLACK >= self.want.deadline {
            true => End::Cut,
            false => End::Left,
        });
        // Without a runtime there is nobody to wait: the pool closes what is not settled.
        let Ok(runtime) = Handle::try_current() else { return };
        let cleanup = self.cleanup.clone();
        runtime.spawn(async move {
            let settled = timeout(cleanup.wait_max, settle(&mut checkout, &cleanup.cancels)).await;
            if !matches!(settled, Ok(Ok(()))) {
                tracing::debug!("a cancelled connection did not become ready in time and is closed");
            }
            // In this order, so that who waits for the end finds every connection back.
            drop(checkout);
            drop(cleanup);
        });
    }
}
