//! What can happen to a database that serves, and which failures that explains.

mod network;
mod processes;
mod sessions;
pub mod site;
mod tables;

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;

use site::Site;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// pg_terminate_backend of one of Rowcall's sessions.
    Terminate,
    TerminateAll,
    /// kill -9 of a backend: Postgres ends all sessions and recovers.
    Crash,
    /// kill -9 of the postmaster alone, a while, a start.
    KillPostmaster,
    /// An immediate stop, a while, a start.
    Restart,
    /// SIGSTOP of a backend, for a while.
    FreezeBackend,
    /// The same of the postmaster: nobody new gets in.
    FreezePostmaster,
    /// Others take every connection there is.
    Crowd,
    /// pg_cancel_backend of what Rowcall runs.
    Cancel,
    /// A table that is read is locked.
    Lock,
    /// Connections end without a word.
    Cut,
    /// And nobody new gets in.
    Refuse,
    /// Bytes stand still, and go on.
    Hold,
    /// Bytes are lost, and much later the connections end.
    Lose,
    /// SIGHUP to Rowcall.
    Reload,
    Revoke,
    AddColumn,
    RenameColumn,
    RetypeColumn,
    RefillTable,
    /// A table that is read is gone, and comes back with all its rows.
    DropTable,
    RemakeIndex,
    RemakeView,
    SwapColumns,
}

use Fault::*;

impl Fault {
    pub const ALL: [Fault; 24] = [
        Terminate,
        TerminateAll,
        Crash,
        KillPostmaster,
        Restart,
        FreezeBackend,
        FreezePostmaster,
        Crowd,
        Cancel,
        Lock,
        Cut,
        Refuse,
        Hold,
        Lose,
        Reload,
        Revoke,
        AddColumn,
        RenameColumn,
        RetypeColumn,
        RefillTable,
        DropTable,
        RemakeIndex,
        RemakeView,
        SwapColumns,
    ];

    /// Does it, and undoes it after `pace` at most; what is worth it lasts twice as long.
    pub async fn strike(self, site: &Site, pace: Duration, dice: &mut StdRng) {
        let hold = dice.random_range(pace / 10..pace);
        match self {
            Terminate => sessions::terminate_one(site).await,
            TerminateAll => sessions::terminate_all(site).await,
            Crowd => sessions::crowd(site, hold).await,
            Cancel => sessions::cancel(site, dice.random_range(1..10)).await,
            Lock => sessions::lock(site, hold * 2).await,
            Crash => processes::crash(site).await,
            KillPostmaster => processes::kill_postmaster(site, hold).await,
            Restart => processes::restart(site, hold).await,
            FreezeBackend => processes::freeze_backend(site, hold).await,
            FreezePostmaster => processes::freeze_postmaster(site, hold).await,
            Reload => site.reload(),
            Cut => network::cut(site).await,
            Refuse => network::refuse(site, hold).await,
            Hold => network::hold(site, hold * 2).await,
            Lose => network::lose(site, hold * 2).await,
            Revoke => tables::revoke(site, hold).await,
            AddColumn => tables::add_column(site, hold).await,
            RenameColumn => tables::rename_column(site, hold).await,
            RetypeColumn => tables::retype_column(site, hold).await,
            RefillTable => tables::refill_table(site).await,
            DropTable => tables::drop_table(site, hold).await,
            RemakeIndex => tables::remake_index(site, hold).await,
            RemakeView => tables::remake_view(site, hold).await,
            SwapColumns => tables::swap_columns(site, hold).await,
        }
    }

    /// Whether a method may fail for this reason while it lasts; DEADLINE_PASSED is not asked about here.
    pub fn explains(self, reason: &str, method: &str) -> bool {
        let of_items = method.contains("Item");
        match (self, reason) {
            (Terminate | TerminateAll | Crash | KillPostmaster | Restart, "DATABASE_UNREACHABLE") => true,
            (Cut | Refuse | Lose, "DATABASE_UNREACHABLE") => true,
            // A connection that does not answer is given up, and so is one that is not made in time.
            (FreezeBackend | FreezePostmaster | Hold, "DATABASE_UNREACHABLE") => true,
            (Crowd, "DATABASE_BUSY" | "DATABASE_UNREACHABLE") => true,
            (Cancel, "STATEMENT_CANCELLED") => true,
            // Connections that do not get on are connections that nobody else gets.
            (_, "DATABASE_BUSY") => self.stalls(),
            (Revoke, "ACCESS_DENIED") | (RenameColumn | DropTable, "CATALOG_CHANGED") => of_items,
            // Until a reload after it was undone.
            (Revoke | RenameColumn | DropTable, "RESOURCE_UNFIT") => of_items,
            // A token holds values of the types that it was made for.
            (RetypeColumn, "CATALOG_CHANGED" | "TOKEN_INVALID") => of_items,
            (RemakeView, "CATALOG_CHANGED") => method.contains("SeenMaker"),
            _ => false,
        }
    }

    /// Whether calls may wait for as long as it lasts.
    pub fn stalls(self) -> bool {
        matches!(
            self,
            FreezeBackend | FreezePostmaster | Hold | Lose | Lock | Crowd | Restart | KillPostmaster | Crash
        )
    }
}
