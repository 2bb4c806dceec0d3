//! Ten thousand callers leave short calls at any moment: before the statement, within it, behind it.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{Short, Storm, storm};
use crate::support::{Client, Pooler};

/// Few connections, so that the next statement of one that was left comes at once.
const CONNECTIONS: usize = 4;
const CALLERS: usize = 16;

/// Every caller leaves so many calls, and after each makes one that it does not leave.
async fn leave(storm: &Storm, cancels: usize) {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let client = storm.clients[caller % storm.clients.len()].clone();
        callers.spawn(async move {
            let mut left = 0;
            while left < cancels / CALLERS {
                let short = Short::any();
                tokio::select! {
                    () = short.call(&client) => {}
                    () = moment() => left += 1,
                }
                Short::any().call(&client).await;
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.expect("every call that was waited for has its own answer");
    }
}

/// Timers tick in milliseconds; what comes before the first tick is reached by giving way.
async fn moment() {
    match rand::random_range(0..4) {
        0 => {
            for _ in 0..rand::random_range(0..64) {
                tokio::task::yield_now().await;
            }
        }
        ticks => tokio::time::sleep(Duration::from_millis(ticks)).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_anothers_cancel_or_anothers_row() {
    let connections = CONNECTIONS.to_string();
    let settings = [
        ("postgres.connections_max", connections.as_str()),
        ("postgres.connections_kept", connections.as_str()),
        ("postgres.wait_max", "60s"),
    ];
    let mut storm = storm(|database| database.url.clone(), &settings).await;
    storm.connect(CALLERS / 2 - 1).await;
    leave(&storm, 10_000).await;
    assert_eq!(storm.idle(CONNECTIONS).await.len(), CONNECTIONS);
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_do_they_behind_a_pooler() {
    let pooler = Pooler::start(CONNECTIONS as u32);
    let connections = CONNECTIONS.to_string();
    let settings = [
        ("postgres.connections_max", connections.as_str()),
        ("postgres.wait_max", "60s"),
        ("postgres.pooler", "transaction"),
    ];
    let mut storm = storm(|database| pooler.url(database), &settings).await;
    storm.connect(CALLERS / 2 - 1).await;
    leave(&storm, 2_000).await;
    let last: Vec<Client> = storm.clients.clone();
    for client in &last {
        Short::any().call(client).await;
    }
}
