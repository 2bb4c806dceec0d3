//! A Postgres that a killed server left running in our folder → stopped.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::time::{Instant, sleep};

use super::{Error, POLL, folder::Folder};

/// For each of the ways to ask, from the kindest.
const STOP_MAX: Duration = Duration::from_secs(10);

/// Fast shutdown, immediate shutdown, the end.
const SIGNALS: [Signal; 3] = [Signal::INT, Signal::QUIT, Signal::KILL];

/// Stops it, and clears away what it leaves when it cannot itself. Call with the folder's lock held.
pub(super) async fn stop(folder: &Folder) -> Result<(), Error> {
    let data = folder.data();
    let file = data.join("postmaster.pid");
    let Some(pid) = fs::read_to_string(&file).ok().and_then(|text| text.lines().next()?.trim().parse().ok())
    else {
        return Ok(());
    };
    let Some(process) = (pid > 0).then(|| Pid::from_raw(pid)).flatten() else { return Ok(()) };
    for signal in SIGNALS {
        if !runs_in(process, &data) {
            break;
        }
        tracing::warn!("stopping a PostgreSQL that a killed server left in {}", folder.path().display());
        let _ = rustix::process::kill_process(process, signal);
        let until = Instant::now() + STOP_MAX;
        while runs_in(process, &data) && Instant::now() < until {
            sleep(POLL).await;
        }
    }
    if runs_in(process, &data) {
        return Err(Error::Orphan { folder: folder.path().into(), pid });
    }
    // Of a crash, or of a machine that was switched off: its number may be another process' now.
    match fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::Io { action: "remove", path: file, source: error })
        }
        _ => Ok(()),
    }
}

/// Whether the process is alive and a Postgres of this folder: it stands in its data.
fn runs_in(process: Pid, data: &Path) -> bool {
    match Path::new("/proc/self").exists() {
        true => fs::read_link(format!("/proc/{}/cwd", process.as_raw_nonzero())).is_ok_and(|cwd| cwd == data),
        // Elsewhere a number is all there is.
        false => rustix::process::test_kill_process(process).is_ok(),
    }
}
