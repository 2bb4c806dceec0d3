//! What can happen while readers read, each with its undoing, and which failures that explains.

mod failover;
mod postgres;
mod processes;
mod tables;

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::Soak;

/// The faults, each with what it happens to.
macro_rules! faults {
    ($($(#[$about:meta])* $fault:ident: $place:ident,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Fault {
            $($(#[$about])* $fault,)*
        }

        impl Fault {
            pub const ALL: &[Fault] = &[$($fault),*];

            fn place(self) -> Place {
                match self {
                    $($fault => Place::$place,)*
                }
            }
        }
    };
}

faults! {
    /// SIGKILL of an instance, and a start.
    KillInstance: Instances,
    /// SIGSTOP of an instance for a while, often shorter than a proof may be old.
    StopInstance: Instances,
    /// SIGKILL; what it has after its start is its last dump, or nothing.
    KillRedis: Redis,
    StopRedis: Redis,
    FlushRedis: Redis,
    /// A dump is taken, and loaded again after a while of changes.
    RestoreRedis: Redis,
    /// pg_terminate_backend of all of Rowcall's sessions.
    Terminate: Sessions,
    /// The same of the writers'.
    TerminateWriters: Sessions,
    /// An immediate stop and a start.
    CrashPrimary: Primary,
    CrashStandby: Standby,
    /// Triggers are disabled, and enabled after a while of changes.
    DisableTriggers: Tables,
    /// The same again and again at once, with a change in between that they do not tell of.
    BlinkTriggers: Tables,
    AddColumn: Tables,
    /// Every row is written anew.
    RetypeColumn: Tables,
    /// The same, and some rows become others by it.
    RewriteRows: Tables,
    /// A table is written anew, and stays what it is.
    VacuumTable: Tables,
    PauseReplay: Standby,
    /// The primary dies, the standby takes its place, and has another standby after a while.
    Promote: Primary,
}

use Fault::*;

/// What a fault happens to.
#[derive(PartialEq, Eq)]
enum Place {
    Instances,
    Redis,
    Primary,
    Standby,
    Sessions,
    Tables,
}

impl Fault {
    /// Until it is undone.
    pub async fn strike(self, soak: &Arc<Soak>, seed: u64) {
        let mut dice = StdRng::seed_from_u64(seed);
        let hold = Duration::from_millis(dice.random_range(200..3_500));
        match self {
            KillInstance => processes::kill_instance(soak, hold, &mut dice).await,
            StopInstance => processes::stop_instance(soak, hold, &mut dice).await,
            KillRedis => processes::kill_redis(soak, hold).await,
            StopRedis => processes::stop_redis(soak, hold).await,
            FlushRedis => processes::flush_redis(soak).await,
            RestoreRedis => processes::restore_redis(soak, hold).await,
            Terminate => postgres::terminate(soak, postgres::ROWCALL, &mut dice).await,
            TerminateWriters => postgres::terminate(soak, postgres::WRITERS, &mut dice).await,
            CrashPrimary => postgres::crash_primary(soak).await,
            CrashStandby => postgres::crash_standby(soak).await,
            DisableTriggers => tables::disable_triggers(soak, hold, &mut dice).await,
            BlinkTriggers => tables::blink_triggers(soak, &mut dice).await,
            AddColumn => tables::add_column(soak, hold, &mut dice).await,
            RetypeColumn => tables::retype_column(soak, hold, &mut dice).await,
            RewriteRows => tables::rewrite_rows(soak, &mut dice).await,
            VacuumTable => tables::vacuum(soak, &mut dice).await,
            PauseReplay => postgres::pause_replay(soak, hold).await,
            Promote => failover::promote(soak, &mut dice).await,
        }
    }

    /// Whether two of them are in each other's way.
    pub fn meets(self, other: Fault) -> bool {
        let (one, other) = (self.place(), other.place());
        let of_postgres = |place: &Place| !matches!(place, Place::Instances | Place::Redis);
        let whole = |place: &Place| matches!(place, Place::Primary);
        one == other || of_postgres(&one) && of_postgres(&other) && (whole(&one) || whole(&other))
    }

    /// Whether calls may fail for this reason while it lasts; "" is a call that nobody answered.
    pub fn explains(self, reason: &str) -> bool {
        match (self, reason) {
            (KillInstance, "" | "DATABASE_UNREACHABLE" | "TOKEN_INVALID") => true,
            // Deadlines pass while it stands still, and it is late to see who has gone.
            (StopInstance, "" | "DEADLINE_PASSED" | "DATABASE_UNREACHABLE" | "DATABASE_BUSY") => true,
            (Terminate | CrashPrimary | Promote | CrashStandby, "DATABASE_UNREACHABLE") => true,
            // Tokens are of a life of the database.
            (CrashPrimary | Promote, "TOKEN_INVALID" | "DEADLINE_PASSED" | "DATABASE_BUSY") => true,
            (Promote | CrashPrimary | AddColumn | RetypeColumn | RewriteRows, "CATALOG_CHANGED") => true,
            // Who waits for a table waits for whoever alters it, who waits for others.
            (_, "DEADLINE_PASSED" | "DATABASE_BUSY") => self.place() == Place::Tables,
            _ => false,
        }
    }
}
