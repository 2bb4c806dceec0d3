//! What can happen to the servers and to sessions of theirs.

use std::time::{Duration, Instant};

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::sleep;
use tokio_postgres::Client;

use crate::soak::Soak;

/// Sessions of these.
pub const ROWCALL: &str = "usename = 'reader'";
pub const WRITERS: &str = "application_name = 'writer'";

const BACK_MAX: Duration = Duration::from_secs(60);

pub async fn terminate(soak: &Soak, whose: &str, dice: &mut StdRng) {
    let all = format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {whose}");
    for _ in 0..dice.random_range(1..6) {
        let _ = soak.site.asked(&all).await;
        if let Some(standby) = soak.site.standby_session().await {
            let _ = standby.query_opt(&all, &[]).await;
        }
        sleep(Duration::from_millis(dice.random_range(20..400))).await;
    }
}

/// Of the server that answers.
const STARTED: &str = "SELECT extract(epoch FROM pg_postmaster_start_time())::float8";

pub async fn crash_primary(soak: &Soak) {
    let before = started(soak.site.session().await).await;
    soak.site.primary().control("restart");
    until(async || started(soak.site.session().await).await.is_some_and(|now| Some(now) != before)).await;
}

pub async fn crash_standby(soak: &Soak) {
    let Some(standby) = soak.site.standby() else { return };
    let before = started(soak.site.standby_session().await).await;
    standby.control("restart");
    until(async || started(soak.site.standby_session().await).await.is_some_and(|now| Some(now) != before))
        .await;
    streams(soak).await;
}

async fn started(session: Option<Client>) -> Option<f64> {
    Some(session?.query_one(STARTED, &[]).await.ok()?.get(0))
}

/// Until another server answers than before.
async fn until(so: impl AsyncFn() -> bool) {
    let late = Instant::now() + BACK_MAX;
    while !so().await {
        assert!(Instant::now() < late, "Postgres does not come back");
        sleep(Duration::from_millis(20)).await;
    }
}

pub async fn pause_replay(soak: &Soak, hold: Duration) {
    let Some(standby) = soak.site.standby_session().await else { return };
    let _ = standby.batch_execute("SELECT pg_wal_replay_pause()").await;
    sleep(hold).await;
    let _ = standby.batch_execute("SELECT pg_wal_replay_resume()").await;
    streams(soak).await;
}

/// Until the standby is one again.
pub async fn streams(soak: &Soak) {
    soak.site.until("SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming'").await;
}
