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

/// Its backends live on until each of them notices.
pub async fn kill_postmaster(site: &Site, down: Duration) {
    if let Some(postmaster) = postmaster(site) {
        send(postmaster, Signal::KILL);
        start_again(site, down).await;
    }
}

pub async fn restart(site: &Site, down: Duration) {
    site.control("stop");
    start_again(site, down).await;
}

async fn start_again(site: &Site, down: Duration) {
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
    if let Some(postmaster) = postmaster(site) {
        freeze(postmaster, hold).await;
    }
}

/// There is none while it restarts.
fn postmaster(site: &Site) -> Option<Pid> {
    let text = fs::read_to_string(site.data().join("postmaster.pid")).ok()?;
    let id: i32 = text.lines().next()?.parse().ok()?;
    // One that was killed leaves its file, and its number may be another's by now.
    let command = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let data = site.data();
    command.split(|byte| *byte == 0).any(|word| word == data.as_os_str().as_encoded_bytes()).then_some(())?;
    Pid::from_raw(id)
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
