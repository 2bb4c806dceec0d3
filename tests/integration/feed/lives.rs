//! A crash, a promotion, a database that went back: nothing of one life is served in another.

use std::time::Instant;

use rowcall::cache::Verdict;
use tokio_postgres::NoTls;

use super::shop::{LONG, Shop, connect, migrate};
use crate::support::Cluster;

async fn cluster() -> (Cluster, String) {
    let cluster = Cluster::start(&[]);
    cluster.psql("postgres", &["-f", super::shop::SQL]);
    let url = cluster.url("postgres");
    migrate(&url, &[]).await;
    (cluster, url)
}

/// Of the server; None while it lets nobody in.
async fn started(url: &str) -> Option<String> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.ok()?;
    tokio::spawn(connection);
    Some(client.query_one("SELECT pg_postmaster_start_time()::text", &[]).await.ok()?.get(0))
}

#[tokio::test]
async fn a_crash_is_the_end_of_an_epoch_and_a_clean_restart_is_not() {
    let (mut cluster, url) = cluster().await;
    let shop = Shop::at(&url, |_| {}).await;
    let epoch = shop.feed.ledger().epoch().expect("it is alive");
    let kept = shop.get("item 1", "Item", 1).await;
    let before = started(&url).await;
    cluster.control("-m fast restart");
    let late = Instant::now() + LONG;
    while started(&url).await.is_none_or(|now| Some(now) == before) {
        assert!(Instant::now() < late, "it is never restarted");
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        shop.heard().await;
    }
    assert_eq!(shop.feed.ledger().epoch(), Some(epoch));
    assert_eq!(shop.verdict(&kept), Verdict::Good);
    cluster.kill();
    cluster.control("start");
    shop.until("another epoch", |feed| feed.ledger().epoch().is_some_and(|now| now != epoch)).await;
    assert_eq!(shop.verdict(&kept), Verdict::OtherEpoch);
    drop(shop);
}

#[tokio::test]
async fn a_standby_is_not_asked_and_promoted_it_is_another_life() {
    let (primary, url) = cluster().await;
    let epoch = Shop::at(&url, |_| {}).await.feed.ledger().epoch().expect("it is alive");
    let mut standby = primary.standby();
    let shop = Shop::unheard(&standby.url("postgres"), |_| {}).await;
    shop.until("a refusal", |feed| feed.status(Instant::now()).failures > 1).await;
    assert_eq!(shop.feed.ledger().epoch(), None);
    standby.control("promote");
    shop.until("an epoch", |feed| feed.ledger().epoch().is_some()).await;
    assert_ne!(shop.feed.ledger().epoch(), Some(epoch));
}

/// As if it had been restored behind our back: same system, same nonce, and an older snapshot than was seen.
#[tokio::test]
async fn a_database_that_went_back_gets_another_epoch_for_everyone() {
    let shop = Shop::open().await;
    let epoch = shop.feed.ledger().epoch().expect("it is alive");
    let kept = shop.get("item 1", "Item", 1).await;
    shop.heard().await;
    // The ledger is told of more than the database has reached.
    let ledger = shop.feed.ledger();
    loop {
        let asked = ledger.ask(Instant::now());
        if ledger.gap(&asked, "900000000:900000000:".parse().expect("a snapshot")).is_ok() {
            break;
        }
    }
    shop.until("another epoch", |feed| feed.ledger().epoch().is_some_and(|now| now != epoch)).await;
    assert_eq!(shop.verdict(&kept), Verdict::OtherEpoch);
    let other = Shop::at(&shop.url, |_| {}).await;
    assert_eq!(other.feed.ledger().epoch(), shop.feed.ledger().epoch());
    drop(connect(&shop.url).await);
}

#[tokio::test]
async fn what_was_prepared_before_a_crash_is_heard_of_when_it_is_committed_after_it() {
    let mut cluster = Cluster::start(&["max_prepared_transactions = 5"]);
    cluster.psql("postgres", &["-f", super::shop::SQL]);
    let url = cluster.url("postgres");
    migrate(&url, &[]).await;
    let shop = Shop::at(&url, |_| {}).await;
    let epoch = shop.feed.ledger().epoch().expect("it is alive");
    let prepare = "BEGIN; UPDATE item SET title = 'p' WHERE id = 1; PREPARE TRANSACTION 'one'";
    connect(&url).await.batch_execute(prepare).await.expect("it is prepared");
    shop.heard().await;
    cluster.kill();
    cluster.control("start");
    shop.until("another epoch", |feed| feed.ledger().epoch().is_some_and(|now| now != epoch)).await;
    drop(shop);

    // What it told of its rows is gone, so that nothing of tables that are followed is proved meanwhile; all of it is after it.
    let shop = Shop::at(&url, |_| {}).await;
    let during = shop.get("item 1", "Item", 1).await;
    assert_eq!(shop.verdict(&during), Verdict::Stale);
    connect(&url).await.batch_execute("COMMIT PREPARED 'one'").await.expect("it is over");
    shop.heard().await;
    assert_eq!(shop.verdict(&during), Verdict::Stale);
    let after = shop.get("item 1", "Item", 1).await;
    shop.heard().await;
    assert_eq!(shop.verdict(&after), Verdict::Good);
}
