//! Postgres has no connection left to give, or not to this role.

use std::time::{Duration, Instant};

use tokio_postgres::NoTls;

use super::shop::{Loaded, Own};

const FULL: &[&str] = &["DATABASE_BUSY", "DATABASE_UNREACHABLE"];

#[tokio::test(flavor = "multi_thread")]
async fn without_a_free_slot_calls_are_busy_and_go_on_when_there_is_one() {
    let own = Own::start(&["max_connections = 21"]).await;
    let url = own.role().await;
    let loaded = Loaded::start(&url).await;
    let fault = Instant::now();
    // Another client has every slot but those of superusers.
    let (mut others, superuser) = (Vec::new(), own.client().await);
    while others.len() < 17 {
        match tokio_postgres::connect(&url, NoTls).await {
            Ok((client, connection)) => others.push((client, tokio::spawn(connection))),
            Err(_) => own.terminate_by(&superuser).await,
        }
    }
    let from = Instant::now();
    loaded.load.failures(from, 200).await;
    let p90 = loaded.load.p90(from, Instant::now());
    assert!(p90 < Duration::from_secs(1), "calls failed after {p90:?}");
    let busy = |failed: &Option<String>| failed.as_deref() == Some("DATABASE_BUSY");
    assert!(loaded.load.since(from).iter().any(|seen| busy(&seen.failed)), "{}", loaded.load.told(from));
    drop(others);
    loaded.recovers(fault, Instant::now(), FULL).await;
    loaded.end(&own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_with_fewer_connections_than_the_pool_wants_is_served_by_those() {
    let own = Own::start(&[]).await;
    let url = own.role().await;
    let loaded = Loaded::start(&url).await;
    own.execute("ALTER ROLE app CONNECTION LIMIT 2").await;
    let fault = Instant::now();
    own.terminate().await;
    loaded.recovers(fault, Instant::now(), FULL).await;
    own.connections_are_at_most(2).await;
    let from = Instant::now();
    loaded.load.successes(1000).await;
    loaded.load.allowed(from, &[]);
    loaded.end(&own).await;
}
