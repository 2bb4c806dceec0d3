//! One writer of many: something is changed, in some manner of transaction, and its end is found out whatever happens.

pub mod fed;
mod manners;
mod works;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::sleep;
use tokio_postgres::{Client, Error};

use super::Soak;
use super::world::tables::Group;
use super::world::{Change, Held};
use manners::Manner;
use works::Work;

/// Between two transactions of one writer.
const PAUSE_MILLIS: std::ops::Range<u64> = 50..400;

/// Before a server is asked again.
const AGAIN: Duration = Duration::from_millis(30);

pub struct Writer {
    soak: Arc<Soak>,
    dice: StdRng,
    session: Option<Client>,
}

/// What a transaction does.
#[derive(Debug, Clone)]
pub enum Step {
    Sql(String),
    /// COPY … FROM STDIN, and its rows.
    Copy(String, String),
}

/// A transaction's steps, and what they come to.
pub struct Written {
    pub version: u64,
    pub steps: Vec<Step>,
    pub changes: Vec<Change>,
}

impl Writer {
    pub fn new(soak: Arc<Soak>, seed: u64) -> Writer {
        Writer { soak, dice: StdRng::seed_from_u64(seed), session: None }
    }

    /// Until told to stop.
    pub async fn run(mut self) {
        let soak = self.soak.clone();
        while !soak.stopped() {
            let work = Work::draw(&mut self.dice);
            let manner = Manner::draw(&mut self.dice, &work);
            self.write(work, manner).await;
            soak.pause(Duration::from_millis(self.dice.random_range(PAUSE_MILLIS))).await;
        }
    }

    async fn write(&mut self, work: Work, manner: Manner) {
        let held = hold(&self.soak, work.groups()).await;
        let version = self.soak.world.version();
        let written = work.write(&self.soak.world, version, &mut self.dice);
        let session = match self.session.take() {
            Some(session) => session,
            None => open(&self.soak).await,
        };
        let soak = self.soak.clone();
        let done = manner.carry_out(&soak, &session, &held, &written, &mut self.dice).await;
        soak.tally.wrote(work.name(), manner.name(), done.is_ok());
        match done {
            Ok(()) => self.session = Some(session),
            Err(_) => {
                // Whatever it holds there, it lets go of.
                drop(session);
                find_out(&soak, &held, Some(&gid(version))).await;
            }
        }
    }
}

/// Until nobody else writes any of these, and it is known who wrote them last.
pub async fn hold(soak: &Soak, groups: Vec<Group>) -> Held {
    let held = soak.world.hold(groups).await;
    if soak.world.is_unknown(&held.groups) {
        find_out(soak, &held, None).await;
    }
    held
}

/// Asks who wrote the held groups last, until it is known. A transaction that was prepared under this name is taken back.
pub async fn find_out(soak: &Soak, held: &Held, prepared: Option<&str>) {
    loop {
        let session = open(soak).await;
        // It may be prepared only now, by a session that ends.
        if session.batch_execute("SET lock_timeout = '1s'").await.is_err() {
            continue;
        }
        if let Some(name) = prepared {
            // Mostly there is none.
            let _ = session.batch_execute(&format!("ROLLBACK PREPARED '{name}'")).await;
        }
        match marks(&session, &held.groups).await {
            Ok(marks) => return soak.world.found_out(marks),
            Err(_) => sleep(AGAIN).await,
        }
    }
}

/// Prepared transactions from before a promotion: whose end was acknowledged, and did not come along, nobody asks for.
pub async fn take_back(soak: &Soak, before: u64) {
    const LEFT: &str = "SELECT gid FROM pg_prepared_xacts WHERE split_part(gid, '_', 2)::int8 < $1";
    let before = i64::try_from(before).expect("a number");
    loop {
        let session = open(soak).await;
        let Ok(left) = session.query(LEFT, &[&before]).await else { continue };
        if left.is_empty() {
            return;
        }
        for row in left {
            // Its writer may be quicker.
            let _ = session.batch_execute(&format!("ROLLBACK PREPARED '{}'", row.get::<_, &str>(0))).await;
        }
    }
}

async fn marks(session: &Client, groups: &[Group]) -> Result<Vec<(Group, u64)>, Error> {
    let names: Vec<String> = groups.iter().map(|group| group.mark()).collect();
    // Whoever still writes one of them is waited for.
    let sql = "SELECT name, version FROM mark WHERE name = ANY ($1) FOR UPDATE";
    let rows = session.query(sql, &[&names]).await?;
    let version = |name: &String| {
        let row = rows.iter().find(|row| row.get::<_, &str>(0) == name).expect("every group has a mark");
        u64::try_from(row.get::<_, i64>(1)).expect("versions are not negative")
    };
    Ok(groups.iter().zip(&names).map(|(group, name)| (*group, version(name))).collect())
}

/// Changes by DDL, until it is done.
pub async fn alter(soak: &Soak, held: &Held, changes: &[Change], sql: impl Fn(u64) -> String) {
    loop {
        let version = soak.world.version();
        let session = open(soak).await;
        soak.world.begin(version, changes);
        let all = format!(
            "BEGIN; SET LOCAL lock_timeout = '1s'; {} {} COMMIT;",
            mark(&held.groups, version),
            sql(version)
        );
        if session.batch_execute(&all).await.is_ok() {
            return soak.world.settle(held.groups.iter().map(|group| (*group, version)));
        }
        drop(session);
        find_out(soak, held, None).await;
    }
}

/// A session that can write. Waits for as long as it takes.
async fn open(soak: &Soak) -> Client {
    loop {
        if let Some(session) = soak.site.session().await
            && session.batch_execute("SET application_name = 'writer'").await.is_ok()
            && let Ok(row) = session.query_one("SELECT pg_is_in_recovery()", &[]).await
            && !row.get::<_, bool>(0)
        {
            return session;
        }
        sleep(AGAIN).await;
    }
}

async fn run(session: &Client, steps: &[Step]) -> Result<(), Error> {
    for step in steps {
        match step {
            Step::Sql(sql) => session.batch_execute(sql).await?,
            Step::Copy(sql, rows) => {
                let sink = session.copy_in::<_, Bytes>(sql).await?;
                let mut sink = std::pin::pin!(sink);
                sink.send(Bytes::copy_from_slice(rows.as_bytes())).await?;
                sink.finish().await?;
            }
        }
    }
    Ok(())
}

/// The first thing that a transaction does, so that whoever asks waits for its end.
fn mark(groups: &[Group], version: u64) -> String {
    let names: Vec<String> = groups.iter().map(|group| format!("'{}'", group.mark())).collect();
    format!("UPDATE mark SET version = {version} WHERE name IN ({});", names.join(", "))
}

/// By which a prepared transaction is known.
fn gid(version: u64) -> String {
    format!("soak_{version}")
}
