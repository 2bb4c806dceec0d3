//! Faults that other sessions of the same Postgres bring about.

use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::NoTls;

use super::site::Site;

const TERMINATE_ALL: &str =
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'reader'";

pub async fn terminate_one(site: &Site) {
    let one = "SELECT pg_terminate_backend(pid) FROM
        (SELECT pid FROM pg_stat_activity WHERE usename = 'reader' ORDER BY random() LIMIT 1) AS one";
    let _ = site.asked(one).await;
}

pub async fn terminate_all(site: &Site) {
    let _ = site.asked(TERMINATE_ALL).await;
}

/// Cancels whatever runs, so many times.
pub async fn cancel(site: &Site, times: u32) {
    let active = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity
        WHERE usename = 'reader' AND state = 'active'";
    for _ in 0..times {
        let _ = site.asked(active).await;
        sleep(Duration::from_millis(20)).await;
    }
}

/// Takes what is free, then Rowcall's too; at the end all go home.
pub async fn crowd(site: &Site, hold: Duration) {
    let mut guests = Vec::new();
    let terminated = loop {
        match tokio_postgres::connect(&site.url("crowd"), NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                guests.push(client);
            }
            Err(_) => break site.asked(TERMINATE_ALL).await,
        }
    };
    if terminated.is_some() {
        while let Ok((client, connection)) = tokio_postgres::connect(&site.url("crowd"), NoTls).await {
            tokio::spawn(connection);
            guests.push(client);
        }
        sleep(hold).await;
    }
}

/// Whoever reads items waits.
pub async fn lock(site: &Site, hold: Duration) {
    let Some(session) = site.session().await else { return };
    if session.batch_execute("BEGIN; LOCK TABLE item IN ACCESS EXCLUSIVE MODE").await.is_ok() {
        sleep(hold).await;
    }
    // Lost with its session, if that is lost.
    let _ = session.batch_execute("ROLLBACK").await;
}
