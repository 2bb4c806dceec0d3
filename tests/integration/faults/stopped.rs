//! The database is stopped or killed under load, and started again.

use std::time::{Duration, Instant};

use super::answers;
use super::shop::{DATABASE, Loaded, Own};
use crate::support::{Path, Proxy};

const GONE: &[&str] = &["DATABASE_UNREACHABLE"];
/// Enough to say how fast calls fail.
const FAILURES: usize = 400;

/// Fails fast while it is down, and answers soon after.
async fn survives(own: &mut Own, loaded: &Loaded, stop: impl FnOnce(&mut Own)) {
    let fault = Instant::now();
    stop(own);
    loaded.load.failures(fault, FAILURES).await;
    let p90 = loaded.load.p90(fault, Instant::now());
    assert!(p90 < Duration::from_secs(1), "calls failed after {p90:?}\n{}", loaded.load.told(fault));
    own.cluster.control("start");
    let back = answers(&own.url()).await;
    loaded.recovers(fault, back, GONE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_fail_fast_while_the_database_is_stopped_and_are_answered_soon_after() {
    let mut own = Own::start(&[]).await;
    let loaded = Loaded::start(&own.url()).await;
    survives(&mut own, &loaded, |own| own.cluster.control("stop")).await;
    survives(&mut own, &loaded, |own| own.cluster.control("stop -m fast")).await;
    survives(&mut own, &loaded, |own| own.cluster.kill()).await;
    loaded.end(&own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_calls_is_no_storm_of_attempts() {
    let own = Own::start(&[]).await;
    let proxy = Proxy::start(own.cluster.port).await;
    let loaded = Loaded::start(&proxy.url(DATABASE)).await;
    let fault = Instant::now();
    proxy.set(Path::Cut);
    loaded.load.fails(fault).await;
    let (from, _) = (Instant::now(), proxy.accepted());
    // Long enough that an attempt more at its ends does not count.
    loaded.load.fails(from + Duration::from_secs(5)).await;
    let rate = proxy.accepted() as f64 / from.elapsed().as_secs_f64();
    // Ten by one attempt at a time of those who serve calls; the feed, which has a connection of its own, waits longer and longer.
    assert!(rate < 14.0, "{rate} attempts a second");
    proxy.set(Path::Open);
    loaded.recovers(fault, Instant::now(), GONE).await;
    loaded.end(&own).await;
}
