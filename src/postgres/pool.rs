//! bb8 over our connections: what makes one, what makes one good, and when there is none.
//!
//! bb8 alone only ever times out. It is told not to retry; the last attempt's failure is kept, and
//! answers at once whoever would have waited for nothing.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bb8::{ManageConnection, Pool, PooledConnection, QueueStrategy};
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, sleep_until, timeout};

use super::connect::Connector;
use super::connection::Connection;
use super::encode::Command;
use super::error::Error;
use super::queue::{End, Queue, Turn};
use super::session::Limit;
use crate::sql::Statement;
use crate::telemetry::Pool as Meter;

/// An idle connection that is asked what it is, and does not answer for so long, is closed.
const CHECK_WAIT_MAX: Duration = Duration::from_secs(1);

/// A connection taken out of the pool, and the turn to have it; given back in this order.
pub(super) struct Checkout {
    connection: PooledConnection<'static, Manager>,
    turn: Turn,
}

impl Checkout {
    /// Says how its use ended, when it did not end by itself.
    pub fn end(&mut self, end: End) {
        self.turn.end(end);
    }

    /// Of its pool.
    pub fn meter(&self) -> &Meter {
        self.turn.meter()
    }
}

impl Deref for Checkout {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Checkout {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// A storm of callers does not become a storm of attempts: after a failure there is one at a time, and
/// the next waits this long.
const RETRY_AFTER: Duration = Duration::from_millis(100);

pub(super) struct Manager {
    connector: Arc<Connector>,
    attempts: watch::Sender<Attempt>,
    /// Connections of an earlier life are closed rather than used.
    life: Arc<AtomicU64>,
    /// Held by the one attempt there is while it is not known that any can succeed.
    scout: Mutex<()>,
    meter: Meter,
}

/// How the last attempt to connect went.
#[derive(Debug, Clone)]
pub(super) enum Attempt {
    None,
    Succeeded,
    Failed(Error, Instant),
}

impl ManageConnection for Manager {
    type Connection = Connection;
    type Error = Error;

    async fn connect(&self) -> Result<Connection, Error> {
        let known = matches!(*self.attempts.borrow(), Attempt::Succeeded);
        let scout = if known { None } else { Some(self.scout.lock().await) };
        if let Attempt::Failed(error, at) = &*self.attempts.borrow()
            && at.elapsed() < RETRY_AFTER
        {
            return Err(error.clone());
        }
        // Another has found the way meanwhile.
        let scout = scout.filter(|_| !matches!(*self.attempts.borrow(), Attempt::Succeeded));
        let life = self.life.load(Ordering::Acquire);
        let begun = Instant::now();
        let mut connected = self.connector.connect().await;
        match &connected {
            Ok(_) => self.meter.created(begun.elapsed()),
            Err(_) => self.meter.unconnected(),
        }
        if let Ok(connection) = &mut connected {
            connection.life = life;
        }
        self.attempts.send_replace(match &connected {
            Ok(_) => Attempt::Succeeded,
            Err(error) => Attempt::Failed(error.clone(), Instant::now()),
        });
        drop(scout);
        connected
    }

    /// Only what has idled is asked, and asked what it is: `SELECT 1` would not notice that a
    /// primary became a standby.
    async fn is_valid(&self, connection: &mut Connection) -> Result<(), Error> {
        if !connection.wire.alive() {
            return Err(Error::Unreachable("the server closed an idle connection".to_owned()));
        }
        if connection.turned || connection.life != self.life.load(Ordering::Acquire) {
            return Err(turned());
        }
        let settings = &self.connector.settings;
        if connection.used.elapsed() < settings.check_after {
            return Ok(());
        }
        const CHECK: &str = "SELECT pg_catalog.pg_is_in_recovery()";
        let check = Statement::own(CHECK, [16]);
        let commands = [Command::Once(&check)];
        let rows = timeout(CHECK_WAIT_MAX, connection.run(&commands, Limit::default())).await;
        let rows =
            rows.map_err(|_| Error::Unreachable("an idle connection does not answer".to_owned()))??;
        let standby = rows.first().and_then(|rows| rows.row(0)?.get(0)) == Some(&[1]);
        if standby != connection.standby {
            return Err(turned());
        }
        connection.used = Instant::now();
        Ok(())
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        let now = Instant::now();
        connection.used = now;
        let life = self.life.load(Ordering::Acquire);
        let broken = !connection.settled()
            || connection.estranged()
            || connection.turned
            || connection.life != life
            || !connection.wire.alive();
        if broken {
            self.meter.broke();
        }
        broken || connection.ends <= now
    }
}

fn turned() -> Error {
    Error::Unreachable("the server changed its role".to_owned())
}

/// A caller's wait, told when it ends.
struct Waiting<'a> {
    meter: &'a Meter,
    begun: Instant,
    /// No connection came in time.
    in_vain: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.meter.waited(self.begun.elapsed(), self.in_vain);
    }
}

/// The pool, and what became of the attempts to fill it.
#[derive(Clone)]
pub(super) struct Connections {
    pool: Pool<Manager>,
    queue: Arc<Queue>,
    attempts: watch::Receiver<Attempt>,
    life: Arc<AtomicU64>,
    wait_max: Duration,
}

impl Connections {
    /// Must be called within a runtime: the pool's reaper is spawned.
    pub fn new(connector: Arc<Connector>, meter: Meter) -> Connections {
        let (sender, attempts) = watch::channel(Attempt::None);
        let settings = connector.settings.clone();
        let connections_max = settings.connections_max.max(1);
        let life = Arc::new(AtomicU64::new(0));
        let queue = Queue::new(&settings, meter.clone());
        let (scout, life_now) = (Mutex::default(), life.clone());
        let manager = Manager { connector, attempts: sender, life: life_now, scout, meter };
        let pool = Pool::builder()
            .max_size(connections_max)
            .min_idle(settings.connections_min.min(connections_max))
            .idle_timeout(Some(settings.idle_max).filter(|idle| !idle.is_zero()))
            .max_lifetime(None)
            .connection_timeout(settings.wait_max.max(Duration::from_millis(1)))
            .retry_connection(false)
            // The last one back is the first one out, so that what is not needed grows old.
            .queue_strategy(QueueStrategy::Lifo)
            .build_unchecked(manager);
        Connections { pool, queue, attempts, life, wait_max: settings.wait_max }
    }

    /// Waits for a connection, at most to the deadline and `wait_max`, and not at all when that is too short.
    pub async fn take(&self, deadline: Instant) -> Result<Checkout, Error> {
        // A caller who leaves has waited, too.
        let mut waiting = Waiting { meter: &self.queue.meter, begun: Instant::now(), in_vain: false };
        let mut taken = self.wait(deadline).await;
        waiting.in_vain = matches!(taken, Err(Error::Busy | Error::DeadlinePassed));
        if let Ok(checkout) = &mut taken {
            checkout.turn.begin();
        }
        taken
    }

    async fn wait(&self, deadline: Instant) -> Result<Checkout, Error> {
        if let Some(turn) = self.queue.enter() {
            // The pool keeps `wait_max` itself.
            return self.connection(turn, deadline, deadline).await;
        }
        let until = Instant::now().checked_add(self.wait_max).unwrap_or(deadline);
        match self.queue.wait(deadline, until).await {
            Ok(turn) => self.connection(turn, deadline, until).await,
            Err(Error::Busy) => Err(self.in_vain()),
            Err(error) => Err(error),
        }
    }

    /// As `take`, without waiting for other callers: Busy when they have all there may be.
    pub async fn take_free(&self, deadline: Instant) -> Result<Checkout, Error> {
        let waiting = Waiting { meter: &self.queue.meter, begun: Instant::now(), in_vain: false };
        let mut checkout = self.look(deadline).await?;
        drop(waiting);
        checkout.turn.begin();
        Ok(checkout)
    }

    /// One that is free, for nothing but to see whether it can be had.
    pub async fn look(&self, deadline: Instant) -> Result<Checkout, Error> {
        let turn = self.queue.enter().ok_or(Error::Busy)?;
        self.connection(turn, deadline, deadline).await
    }

    async fn connection(&self, turn: Turn, deadline: Instant, until: Instant) -> Result<Checkout, Error> {
        let connection = self.pooled(deadline, until).await?;
        Ok(Checkout { connection, turn })
    }

    async fn pooled(
        &self,
        deadline: Instant,
        until: Instant,
    ) -> Result<PooledConnection<'static, Manager>, Error> {
        let mut attempts = self.attempts.clone();
        attempts.mark_unchanged();
        let mut got = std::pin::pin!(self.pool.get_owned());
        let late = sleep_until(deadline.min(until).into());
        tokio::pin!(late);
        // What is idle is had at once; asking also starts an attempt when there is room for one.
        tokio::select! {
            biased;
            got = &mut got => return self.given(got),
            _ = std::future::ready(()) => {}
        }
        loop {
            let failed = match &*attempts.borrow_and_update() {
                Attempt::Failed(error, _) if self.pool.state().connections == 0 => return Err(error.clone()),
                attempt => matches!(attempt, Attempt::Failed(..)),
            };
            tokio::select! {
                biased;
                got = &mut got => return self.given(got),
                _ = &mut late => return Err(match until < deadline {
                    true => self.in_vain(),
                    false => Error::DeadlinePassed,
                }),
                Ok(()) = attempts.changed() => {}
                // Nobody is told when the last connection ends, nor of attempts that came too soon.
                () = sleep(RETRY_AFTER), if failed => {}
            }
        }
    }

    fn given<C>(&self, got: Result<C, bb8::RunError<Error>>) -> Result<C, Error> {
        got.map_err(|error| match error {
            bb8::RunError::User(error) => error,
            bb8::RunError::TimedOut => self.in_vain(),
        })
    }

    /// Why none came free.
    fn in_vain(&self) -> Error {
        match &*self.attempts.borrow() {
            Attempt::Failed(error, _) => error.clone(),
            Attempt::None | Attempt::Succeeded => Error::Busy,
        }
    }

    pub fn queue(&self) -> Arc<Queue> {
        self.queue.clone()
    }

    /// Begins a life without the connections there are.
    pub fn renew(&self) {
        self.life.fetch_add(1, Ordering::AcqRel);
    }

    pub fn attempts(&self) -> watch::Receiver<Attempt> {
        self.attempts.clone()
    }

    /// Connections open, and those of them idle.
    pub fn counts(&self) -> (u32, u32) {
        let state = self.pool.state();
        (state.connections, state.idle_connections)
    }
}
