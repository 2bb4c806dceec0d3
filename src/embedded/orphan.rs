//! What a killed server, or a killed Postgres, left running in our folder → stopped, to the last process.
//!
//! Postgres and all of its processes write to the folder's log, whose lock they inherit and keep by that. So the folder is
//! quiet exactly when the log can be locked: also while a Postgres is so young that its data do not name it yet, and
//! when only its backends are left.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::process::{Pid, Signal};
use tokio::time::{Instant, sleep};

use super::{Error, POLL, folder::Folder};

/// For each of the ways to ask, from the kindest.
const STOP_MAX: Duration = Duration::from_secs(10);

/// Fast shutdown, immediate shutdown, the end.
const SIGNALS: [Signal; 3] = [Signal::INT, Signal::QUIT, Signal::KILL];

/// Where the system shows what runs.
const PROCESSES: &str = "/proc";

/// Answers the log, locked, for the next Postgres to inherit. Call with the folder's lock held.
pub(super) async fn stop(folder: &Folder) -> Result<File, Error> {
    let path = folder.log();
    let log = File::options().append(true).create(true).open(&path).map_err(Error::io("open", path))?;
    let data = folder.data();
    for signal in SIGNALS {
        let until = Instant::now() + STOP_MAX;
        let mut told = HashSet::new();
        while Instant::now() < until {
            let left = left(&data);
            if left.is_empty() && lock(&log, folder)? {
                clear(&data)?;
                return Ok(log);
            }
            for process in left.into_iter().filter(|process| told.insert(*process)) {
                let (id, place) = (process.as_raw_nonzero(), folder.path().display());
                tracing::warn!("stopping a PostgreSQL (process {id}) that a killed server left in {place}");
                let _ = rustix::process::kill_process(process, signal);
            }
            sleep(POLL).await;
        }
    }
    let pid = left(&data).first().map(|process| process.as_raw_nonzero().get());
    Err(Error::Orphan { folder: folder.path().into(), pid })
}

/// Whether the lock is ours now.
fn lock(log: &File, folder: &Folder) -> Result<bool, Error> {
    match rustix::fs::flock(log, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(Error::io("lock", folder.log())(error.into())),
    }
}

/// Who is to be told: the first of its processes, which ends the others; without it, each of them.
fn left(data: &Path) -> Vec<Pid> {
    match leader(data).filter(|process| runs_in(*process, data)) {
        Some(leader) => vec![leader],
        None => processes().filter(|process| stands_in(*process, data)).collect(),
    }
}

/// As the data name it, whether it lives or not.
fn leader(data: &Path) -> Option<Pid> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    text.lines().next()?.trim().parse().ok().filter(|pid| *pid > 0).and_then(Pid::from_raw)
}

/// Whether the process is alive and a Postgres of this folder.
fn runs_in(process: Pid, data: &Path) -> bool {
    match Path::new(PROCESSES).join("self").exists() {
        true => stands_in(process, data),
        // Elsewhere a number is all there is.
        false => rustix::process::test_kill_process(process).is_ok(),
    }
}

/// All processes of a Postgres stand in its data.
fn stands_in(process: Pid, data: &Path) -> bool {
    let folder = format!("{PROCESSES}/{}/cwd", process.as_raw_nonzero());
    fs::read_link(folder).is_ok_and(|folder| folder == data)
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir(PROCESSES).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
}

/// The number of a Postgres that crashed may be another process' now, which would keep the next one from starting.
fn clear(data: &Path) -> Result<(), Error> {
    let file = data.join("postmaster.pid");
    match fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", file)(error)),
        _ => Ok(()),
    }
}
