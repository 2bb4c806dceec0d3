//! Backends end under load, told to or by a crash.

use std::time::Instant;

use super::shop::{Loaded, Own};
use super::{answers, load};
use crate::support::kill;

const LOST: &[&str] = &["DATABASE_UNREACHABLE"];

#[tokio::test(flavor = "multi_thread")]
async fn terminated_backends_cost_the_calls_on_them_and_no_others() {
    let own = Own::start(&[]).await;
    let loaded = Loaded::start(&own.url()).await;
    for _ in 0..5 {
        let fault = Instant::now();
        own.terminate().await;
        loaded.recovers(fault, Instant::now(), LOST).await;
        let failed = loaded.load.since(fault).iter().filter(|seen| seen.failed.is_some()).count();
        // Who asks again at once may meet another that is ending.
        assert!(failed <= 2 * load::CALLERS, "{}", loaded.load.told(fault));
    }
    loaded.end(&own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_one_backend_restarts_all_and_calls_go_on() {
    let own = Own::start(&["restart_after_crash = on"]).await;
    let loaded = Loaded::start(&own.url()).await;
    let victim: i32 = own
        .client()
        .await
        .query_one("SELECT pid FROM pg_stat_activity WHERE application_name = 'rowcall' LIMIT 1", &[])
        .await
        .expect("the test's own SQL")
        .get(0);
    let witness = own.client().await;
    let fault = Instant::now();
    kill(victim);
    loaded.load.fails(fault).await;
    // All sessions end before anybody is let in again.
    while witness.simple_query("SELECT 1").await.is_ok() {}
    let back = answers(&own.url()).await;
    loaded.recovers(fault, back, LOST).await;
    loaded.end(&own).await;
}
