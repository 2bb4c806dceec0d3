//! How a transaction is carried out: at once, slowly, in two phases, with parts taken back, or not at all.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::sleep;
use tokio_postgres::{Client, Error};

use super::works::Work;
use super::{Step, Written, gid, mark, run};
use crate::soak::Soak;
use crate::soak::world::Held;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Usual,
    /// In one message.
    AtOnce,
    /// Its id is old when it commits, and its first change new.
    LateStart,
    /// What it changed is old when it commits.
    LateCommit,
    Prepared,
    /// Prepared, and then taken back.
    Unprepared,
    /// Some of it in subtransactions, and another change of the same rows that is taken back.
    Savepoints,
    Aborted,
    /// As replication does, without the user's triggers.
    Replica,
}

use Manner::*;

/// How long the slow ones take.
const SLOW_MILLIS: std::ops::Range<u64> = 200..2_500;

impl Manner {
    pub fn draw(dice: &mut StdRng, work: &Work) -> Manner {
        match dice.random_range(0..100) {
            0..40 => Usual,
            40..55 => AtOnce,
            55..62 => LateStart,
            62..70 => LateCommit,
            70..76 => Prepared,
            76..80 => Unprepared,
            80..88 => Savepoints,
            88..94 => Aborted,
            _ if work.cascades() => Usual,
            _ => Replica,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Usual => "(usual)",
            AtOnce => "(at once)",
            LateStart => "(late start)",
            LateCommit => "(late commit)",
            Prepared => "(prepared)",
            Unprepared => "(unprepared)",
            Savepoints => "(savepoints)",
            Aborted => "(aborted)",
            Replica => "(replica)",
        }
    }

    /// An error says nothing of what became of it.
    pub async fn carry_out(
        self,
        soak: &Soak,
        session: &Client,
        held: &Held,
        written: &Written,
        dice: &mut StdRng,
    ) -> Result<(), Error> {
        let Written { version, steps, changes } = written;
        let slow = Duration::from_millis(dice.random_range(SLOW_MILLIS));
        let mark = mark(&held.groups, *version);
        let begin = format!("BEGIN; {mark}");
        let commit = async |end: &str| {
            soak.world.begin(*version, changes);
            session.batch_execute(end).await
        };
        let settled = || soak.world.settle(held.groups.iter().map(|group| (*group, *version)));
        match self {
            AtOnce if steps.iter().all(|step| matches!(step, Step::Sql(_))) => {
                let sql = |step: &Step| match step {
                    Step::Sql(sql) | Step::Copy(sql, _) => sql.clone(),
                };
                let all: Vec<String> = steps.iter().map(sql).collect();
                commit(&format!("{begin} {} COMMIT", all.join(" "))).await?;
            }
            Usual | AtOnce => {
                session.batch_execute(&begin).await?;
                run(session, steps).await?;
                commit("COMMIT").await?;
            }
            LateStart => {
                session.batch_execute("BEGIN; SELECT pg_current_xact_id()").await?;
                sleep(slow).await;
                session.batch_execute(&mark).await?;
                run(session, steps).await?;
                commit("COMMIT").await?;
            }
            LateCommit => {
                session.batch_execute(&begin).await?;
                run(session, steps).await?;
                sleep(slow).await;
                commit("COMMIT").await?;
            }
            Prepared | Unprepared => {
                session.batch_execute(&begin).await?;
                run(session, steps).await?;
                session.batch_execute(&format!("PREPARE TRANSACTION '{}'", gid(*version))).await?;
                sleep(slow / 2).await;
                if self == Unprepared {
                    return session.batch_execute(&format!("ROLLBACK PREPARED '{}'", gid(*version))).await;
                }
                commit(&format!("COMMIT PREPARED '{}'", gid(*version))).await?;
            }
            Savepoints => {
                session.batch_execute(&format!("{begin} SAVEPOINT kept")).await?;
                run(session, steps).await?;
                session.batch_execute("RELEASE kept; SAVEPOINT taken_back; SAVEPOINT deep").await?;
                for (cell, _) in changes {
                    let (table, id) = (cell.table.name(), cell.id);
                    // Nobody may ever see these.
                    let sql = format!("UPDATE {table} SET version = -{version} WHERE id = {id}");
                    session.batch_execute(&format!("SAVEPOINT one; {sql}; RELEASE one")).await?;
                    if dice.random_bool(0.3) {
                        break;
                    }
                }
                session.batch_execute("RELEASE deep; ROLLBACK TO taken_back").await?;
                commit("COMMIT").await?;
            }
            Aborted => {
                session.batch_execute(&begin).await?;
                run(session, steps).await?;
                return session.batch_execute("ROLLBACK").await;
            }
            Replica => {
                session
                    .batch_execute(&format!("{begin} SET LOCAL session_replication_role = replica"))
                    .await?;
                run(session, steps).await?;
                commit("COMMIT").await?;
            }
        }
        settled();
        Ok(())
    }
}
