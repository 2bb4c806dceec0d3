//! The way to the database swallows everything for a while, and opens again.

use std::time::Instant;

use super::shop::{DATABASE, Loaded, Own};
use crate::support::{Path, Proxy};

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
