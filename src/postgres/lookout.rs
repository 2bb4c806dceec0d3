//! A look at every server, again and again → what each standby is good for.
//!
//! Each look has a connection of its own, which no call has to give back first. How far a standby is behind is measured by positions in
//! the WAL, since the age of what it replayed last grows while the primary has nothing to do.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connect::Connector;
use super::connection::Connection;
use super::encode::Command;
use super::error::Error;
use super::session::Limit;
use super::settings::{Role, Settings};
use super::standby::{Found, Standby, State};
use crate::sql::{Statement, oid};

/// A server that says nothing for so long does not answer; with the watch's interval, less than a second.
const SILENCE_MAX: Duration = Duration::from_millis(500);

/// What is looked at, and how.
pub(super) struct Watch {
    primary: Arc<Connector>,
    standbys: Vec<(Standby, Arc<Connector>)>,
    interval: Duration,
    lag_max: Duration,
}

impl Watch {
    pub fn new(primary: &Settings, interval: Duration, lag_max: Duration) -> Result<Watch, Error> {
        let primary = connector(primary.clone())?;
        Ok(Watch { primary, standbys: Vec::new(), interval, lag_max })
    }

    pub fn over(&mut self, standby: &Standby, settings: Settings) -> Result<(), Error> {
        // Whatever it is: a refusal would not say what it has become.
        let connector = connector(Settings { role: Role::Any, ..settings })?;
        self.standbys.push((standby.clone(), connector));
        Ok(())
    }

    /// Runs until dropped. Without standbys there is nothing to watch.
    pub fn start(self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        if self.standbys.is_empty() {
            return tasks;
        }
        let known = Arc::new(Mutex::new(Known::new(self.lag_max)));
        let standbys = self.standbys.iter().map(|(standby, _)| standby.clone()).collect();
        tasks.spawn(watch_primary(Eyes::new(self.primary), known.clone(), standbys, self.interval));
        for (standby, connector) in self.standbys {
            tasks.spawn(watch(standby, Eyes::new(connector), known.clone(), self.interval));
        }
        tasks
    }
}

fn connector(settings: Settings) -> Result<Arc<Connector>, Error> {
    Ok(Arc::new(Connector::new(settings)?))
}

async fn watch_primary(mut eyes: Eyes, known: Arc<Mutex<Known>>, standbys: Vec<Standby>, interval: Duration) {
    loop {
        let asked = Instant::now();
        // One that is down has nothing new.
        if let Ok(said) = eyes.look().await {
            let before = lock(&known).heard(said.database, said.position, asked);
            if before != Some(said.database) {
                standbys.iter().for_each(Standby::look);
            }
        }
        sleep(interval).await;
    }
}

async fn watch(standby: Standby, mut eyes: Eyes, known: Arc<Mutex<Known>>, interval: Duration) {
    loop {
        let looked = standby.now();
        let (found, why) = match eyes.look().await {
            Ok(said) => (lock(&known).judge(said), String::new()),
            Err(error) => {
                let before = Found::clone(&standby.found());
                (Found { state: State::Down, ..before }, error.to_string())
            }
        };
        standby.find(found, looked, &why);
        tokio::select! {
            () = sleep(interval) => {}
            () = standby.nudged() => {}
        }
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a server says of itself.
struct Said {
    standby: bool,
    snapshot: String,
    position: u64,
    database: Database,
}

/// Which database it is, the same on all of its standbys: the system's identifier and the database's oid.
type Database = (u64, u64);

/// A connection to look with.
struct Eyes {
    connector: Arc<Connector>,
    connection: Option<Connection>,
}

impl Eyes {
    fn new(connector: Arc<Connector>) -> Eyes {
        Eyes { connector, connection: None }
    }

    async fn look(&mut self) -> Result<Said, Error> {
        let looked = timeout(SILENCE_MAX, self.ask()).await;
        let looked = looked.unwrap_or_else(|_| Err(Error::Unreachable("it says nothing".to_owned())));
        if looked.is_err() {
            self.connection = None;
        }
        looked
    }

    async fn ask(&mut self) -> Result<Said, Error> {
        /// The primary's position is what a standby can have of it.
        const LOOK: &str = "SELECT r.standby, pg_catalog.pg_current_snapshot()::text, \
            (CASE WHEN r.standby THEN pg_catalog.pg_last_wal_replay_lsn() \
            ELSE pg_catalog.pg_current_wal_flush_lsn() END - '0/0'::pg_catalog.pg_lsn)::int8, \
            (SELECT system_identifier FROM pg_catalog.pg_control_system()), \
            (SELECT oid::int8 FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) \
            FROM (SELECT pg_catalog.pg_is_in_recovery() AS standby) r";
        const COLUMNS: [u32; 5] = [oid::BOOL, oid::TEXT, oid::INT8, oid::INT8, oid::INT8];
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.connector.connect().await?),
        };
        let look = Statement::own(LOOK, COLUMNS);
        let rows = connection.run(&[Command::Once(&look)], Limit::default()).await?;
        let said = rows.first().and_then(|rows| {
            let row = rows.row(0)?;
            let number = |column| Some(u64::from_be_bytes(row.get(column)?.try_into().ok()?));
            Some(Said {
                standby: row.get(0)? == [1],
                snapshot: String::from_utf8(row.get(1)?.to_vec()).ok()?,
                // A standby that has replayed nothing says nothing.
                position: number(2).unwrap_or(0),
                database: (number(3)?, number(4)?),
            })
        });
        said.ok_or_else(|| Error::Protocol("the server says nothing of itself".to_owned()))
    }
}

/// What the primary has said.
struct Known {
    database: Option<Database>,
    /// Where its WAL was and when it was first seen to be there, the oldest first. One is older than `lag_max`, if any is.
    positions: VecDeque<(u64, Instant)>,
    heard: Option<Instant>,
    lag_max: Duration,
}

impl Known {
    fn new(lag_max: Duration) -> Known {
        Known { database: None, positions: VecDeque::new(), heard: None, lag_max }
    }

    /// Gives which database it was before.
    fn heard(&mut self, database: Database, position: u64, now: Instant) -> Option<Database> {
        let before = self.database.replace(database);
        self.heard = Some(now);
        // After a failover the WAL may go on from an earlier position.
        while self.positions.back().is_some_and(|(last, _)| *last > position) {
            self.positions.pop_back();
        }
        if self.positions.back().is_none_or(|(last, _)| *last < position) {
            self.positions.push_back((position, now));
        }
        while self.positions.get(1).is_some_and(|(_, since)| now.duration_since(*since) > self.lag_max) {
            self.positions.pop_front();
        }
        before
    }

    /// For how long the primary has had, at least, what is not replayed up to this position.
    fn behind(&self, replayed: u64) -> Duration {
        let lacks = self.positions.iter().find(|(position, _)| *position > replayed);
        match (lacks, self.heard) {
            (Some((_, since)), Some(heard)) => heard.duration_since(*since),
            _ => Duration::ZERO,
        }
    }

    fn judge(&self, said: Said) -> Found {
        let behind = self.behind(said.position);
        let state = match self.database {
            _ if !said.standby => State::Promoted,
            None => State::Unseen,
            Some(ours) if ours != said.database => State::Foreign,
            Some(_) if behind > self.lag_max => State::Behind,
            Some(_) => State::Ready,
        };
        let mut numbers = said.snapshot.split(':').map(|number| number.parse().unwrap_or(0));
        let (xmin, xmax) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        Found::new(state, said.snapshot.into(), (xmin, xmax), said.position, behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Database = (7, 5);

    fn said(position: u64) -> Said {
        Said { standby: true, snapshot: "754:756:".to_owned(), position, database: OURS }
    }

    fn second(second: u64, begun: Instant) -> Instant {
        begun + Duration::from_secs(second)
    }

    #[test]
    fn a_standby_is_behind_for_as_long_as_it_lacks_something() {
        let begun = Instant::now();
        let mut known = Known::new(Duration::from_secs(5));
        for (at, position) in [(0, 100), (1, 100), (2, 200), (3, 200), (4, 300)] {
            known.heard(OURS, position, second(at, begun));
        }
        for (replayed, behind) in
            [(300, 0), (400, 0), (299, 0), (200, 0), (199, 2), (100, 2), (99, 4), (0, 4)]
        {
            assert_eq!(known.behind(replayed), Duration::from_secs(behind), "{replayed}");
        }
        // An idle primary leaves nobody behind who has it all, and the others more and more.
        known.heard(OURS, 300, second(1_000, begun));
        assert_eq!(known.behind(300), Duration::ZERO);
        assert_eq!(known.judge(said(300)).state, State::Ready);
        assert_eq!(known.behind(299), Duration::from_secs(996));
        assert_eq!(known.judge(said(299)).state, State::Behind);
        assert_eq!(known.judge(said(0)).state, State::Behind);
        assert_eq!(known.positions.len(), 1);
    }

    #[test]
    fn positions_are_kept_only_as_long_as_they_matter() {
        let begun = Instant::now();
        let mut known = Known::new(Duration::from_secs(5));
        for at in 0..1_000 {
            known.heard(OURS, at, second(at, begun));
            assert!(known.positions.len() <= 7);
        }
        assert_eq!(known.judge(said(995)).state, State::Ready);
        assert_eq!(known.judge(said(500)).state, State::Behind);
    }

    #[test]
    fn a_primary_that_goes_back_leaves_nobody_behind() {
        let begun = Instant::now();
        let mut known = Known::new(Duration::from_secs(5));
        known.heard(OURS, 300, begun);
        known.heard(OURS, 250, second(100, begun));
        assert_eq!(known.judge(said(250)).state, State::Ready);
    }

    #[test]
    fn only_a_standby_of_ours_is_ready() {
        let mut known = Known::new(Duration::from_secs(5));
        assert_eq!(known.judge(said(1)).state, State::Unseen);
        known.heard(OURS, 1, Instant::now());
        let found = known.judge(said(1));
        assert_eq!((found.state, found.xmin, found.xmax), (State::Ready, 754, 756));
        assert_eq!(known.judge(Said { standby: false, ..said(1) }).state, State::Promoted);
        assert_eq!(known.judge(Said { database: (8, 5), ..said(1) }).state, State::Foreign);
        assert_eq!(known.judge(Said { database: (7, 6), ..said(1) }).state, State::Foreign);
    }
}
