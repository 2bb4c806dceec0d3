//! Signals to Postgres' processes.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{sleep, timeout};

use super::site::Site;

/// One of Rowcall's sessions, any of them.
const BACKEND: &str = "SELECT pid FROM pg_stat_activity WHERE usename = 'reader' ORDER BY random() LIMIT 1";

/// A start that takes longer has failed, or another does no harm.
const START_MAX: Duration = Duration::from_secs(10);

pub async fn crash(site: &Site) {
    if let Some(backend) = backend(site).await {
        send(backend, Signal::KILL);
    }
}

pub async fn restart(site: &Site, down: Duration) {
    site.control("stop");
    site.until_down().await;
    sleep(down).await;
    // What is left of the old server's processes may make a start fail.
    loop {
        site.control("start");
        if timeout(START_MAX, site.until_up()).await.is_ok() {
            return;
        }
    }
}

pub async fn freeze_backend(site: &Site, hold: Duration) {
    if let Some(backend) = backend(site).await {
        freeze(backend, hold).await;
    }
}

pub async fn freeze_postmaster(site: &Site, hold: Duration) {
    // There is none while it restarts.
    let text = fs::read_to_string(site.data().join("postmaster.pid")).unwrap_or_default();
    let id = text.lines().next().and_then(|line| line.parse().ok()).and_then(Pid::from_raw);
    if let Some(postmaster) = id {
        freeze(postmaster, hold).await;
    }
}

async fn backend(site: &Site) -> Option<Pid> {
    let row = site.asked(BACKEND).await?;
    Pid::from_raw(row.get(0))
}

async fn freeze(process: Pid, hold: Duration) {
    send(process, Signal::STOP);
    sleep(hold).await;
    send(process, Signal::CONT);
}

/// One that has ended meanwhile hears nothing.
fn send(process: Pid, signal: Signal) {
    let _ = kill_process(process, signal);
}
