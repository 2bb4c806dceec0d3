//! The way to the database swallows everything for a while, and opens again.

use std::time::{Duration, Instant};

use serde_json::json;

use super::shop::{DATABASE, Loaded, Own};
use crate::errors_shop::{CONTRACT, written};
use crate::support::{Path, Proxy, serve};

const SILENT: &[&str] = &["DATABASE_UNREACHABLE", "DATABASE_BUSY", "DEADLINE_PASSED"];

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_opens_again_is_used_again_soon() {
    let own = Own::start(&[]).await;
    let proxy = Proxy::start(own.cluster.port).await;
    let loaded = Loaded::start(&proxy.url(DATABASE)).await;
    let fault = Instant::now();
    proxy.set(Path::Silent);
    loaded.load.fails(fault).await;
    proxy.set(Path::Open);
    loaded.recovers(fault, Instant::now(), SILENT).await;
    loaded.end(&own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_cut_fails_calls_at_once() {
    let own = Own::start(&[]).await;
    let proxy = Proxy::start(own.cluster.port).await;
    let loaded = Loaded::start(&proxy.url(DATABASE)).await;
    let fault = Instant::now();
    proxy.set(Path::Cut);
    loaded.load.fails(fault).await;
    proxy.set(Path::Open);
    loaded.recovers(fault, Instant::now(), &["DATABASE_UNREACHABLE"]).await;
    loaded.end(&own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_acknowledges_nothing_is_given_up_long_before_the_deadline() {
    let own = Own::start(&[]).await;
    let proxy = Proxy::start(own.cluster.port).await;
    let contract = written(CONTRACT);
    let settings = [
        ("postgres.tcp_user_timeout", "1s"),
        // Nothing else finds out first.
        ("postgres.check_after", "1h"),
        ("postgres.connections_max", "1"),
        ("limits.deadline_default", "60s"),
    ];
    let path = contract.path().to_str().expect("UTF-8");
    let local = serve(path, &proxy.url(DATABASE), &settings).await;
    let get = async || local.client.call("GetThing", json!({"name": "things/1"})).await;
    get().await.expect("it serves");
    proxy.accepted();
    proxy.deafen();
    let lost = Instant::now();
    let failure = get().await.expect_err("nobody hears it");
    let after = lost.elapsed();
    assert_eq!(failure.reason, "DATABASE_UNREACHABLE", "{}", failure.message);
    assert!(after >= Duration::from_secs(1) && after < Duration::from_secs(30), "{after:?}");
    get().await.expect("another connection serves");
    assert!(proxy.accepted() > 0, "on a connection of its own");
    local.serving.stop().await.expect("it ends well");
}
