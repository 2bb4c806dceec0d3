//! What can happen to the servers and to sessions of theirs.

use std::time::{Duration, Instant};

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::sleep;

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

pub async fn crash_primary(soak: &Soak) {
    let begun = "SELECT extract(epoch FROM pg_postmaster_start_time())::float8";
    let before: Option<f64> = soak.site.asked(begun).await.map(|row| row.get(0));
    soak.site.primary().control("restart");
    let late = Instant::now() + BACK_MAX;
    // Another server than before.
    while soak.site.asked(begun).await.is_none_or(|row| Some(row.get::<_, f64>(0)) == before) {
        assert!(Instant::now() < late, "Postgres does not come back");
        sleep(Duration::from_millis(20)).await;
    }
}

pub async fn crash_standby(soak: &Soak) {
    if let Some(standby) = soak.site.standby() {
        standby.control("restart");
    }
    streams(soak).await;
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
