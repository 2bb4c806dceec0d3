//! The primary is gone and its standby is promoted, with both hosts in the URL.

use std::time::Instant;

use super::answers;
use super::shop::{DATABASE, Loaded, Own};
use crate::support::{Cluster, Path, Proxy};

const GONE: &[&str] = &["DATABASE_UNREACHABLE"];
/// Of a host that says nothing, callers learn only by waiting.
const SILENT: &[&str] = &["DATABASE_UNREACHABLE", "DATABASE_BUSY", "DEADLINE_PASSED"];

fn both(first: u16, second: u16) -> String {
    format!(
        "postgres://postgres@127.0.0.1:{first},127.0.0.1:{second}/{DATABASE}?target_session_attrs=read-write"
    )
}

/// The primary with the shop, and a standby of it.
async fn pair() -> (Own, Cluster) {
    let own = Own::start(&[]).await;
    tokio::task::spawn_blocking(move || {
        let standby = own.cluster.standby();
        (own, standby)
    })
    .await
    .expect("both start")
}

/// The moment at which a server lets its clients write.
async fn writable(url: &str) -> Instant {
    answers(&format!("{url}?target_session_attrs=read-write")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_standby_takes_over_from_a_killed_primary() {
    let (mut own, mut standby) = pair().await;
    let loaded = Loaded::start(&both(own.cluster.port, standby.port)).await;
    let fault = Instant::now();
    own.cluster.kill();
    loaded.load.fails(fault).await;
    standby.control("promote");
    let back = writable(&standby.url(DATABASE)).await;
    loaded.recovers(fault, back, GONE).await;

    // It comes back as what it is not asked for: a standby.
    let calm = Instant::now();
    std::fs::write(own.cluster.folder.join("data/standby.signal"), "").expect("it is ours");
    own.cluster.control("start");
    answers(&own.url()).await;
    loaded.load.successes(200).await;
    loaded.load.allowed(calm, &[]);
    // It is asked what it is whenever there is a new connection, and left.
    own.connections_are_at_most(0).await;
    loaded.end(&Own { cluster: standby }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_standby_takes_over_from_a_primary_that_went_silent() {
    let (own, mut standby) = pair().await;
    let proxy = Proxy::start(own.cluster.port).await;
    let loaded = Loaded::start(&both(proxy.port, standby.port)).await;
    let fault = Instant::now();
    proxy.set(Path::Silent);
    loaded.load.fails(fault).await;
    standby.control("promote");
    let back = writable(&standby.url(DATABASE)).await;
    loaded.recovers(fault, back, SILENT).await;
    // What was lost in silence is not kept.
    proxy.set(Path::Cut);
    loaded.end(&Own { cluster: standby }).await;
}
