//! In whatever order transactions end, and however long nobody asked: no change goes unheard.

use std::time::{Duration, Instant};

use rowcall::cache::Verdict;

use super::shop::{LONG, Shop, connect, migrate, unfollowed};

#[tokio::test]
async fn an_old_transaction_that_commits_late_is_heard_of() {
    let shop = Shop::open().await;
    let late = connect(&shop.url).await;
    late.batch_execute("BEGIN; UPDATE item SET title = 'late' WHERE id = 1").await.expect("an update");
    // Younger ones come and go, and are heard of.
    for _ in 0..3 {
        shop.client.execute("UPDATE item SET title = 'x' WHERE id = 2", &[]).await.expect("an update");
        shop.heard().await;
    }
    let kept = [shop.get("item 1", "Item", 1).await, shop.get("item 2", "Item", 2).await];
    shop.heard().await;
    assert_eq!(shop.stale(&kept), [""; 0]);
    late.batch_execute("COMMIT").await.expect("a commit");
    shop.heard().await;
    assert_eq!(shop.stale(&kept), ["item 1"]);
}

#[tokio::test]
async fn a_prepared_transaction_is_heard_of_when_it_is_committed() {
    let cluster = crate::support::Cluster::start(&["max_prepared_transactions = 5"]);
    cluster.psql("postgres", &["-f", super::shop::SQL]);
    let url = cluster.url("postgres");
    migrate(&url, &[]).await;
    let shop = Shop::at(&url, |_| {}).await;
    let other = connect(&url).await;
    other
        .batch_execute("BEGIN; UPDATE item SET title = 'p' WHERE id = 1; PREPARE TRANSACTION 'one'")
        .await
        .expect("it is prepared");
    other
        .batch_execute("BEGIN; UPDATE item SET title = 'p' WHERE id = 2; PREPARE TRANSACTION 'two'")
        .await
        .expect("it is prepared");
    let kept = [shop.get("item 1", "Item", 1).await, shop.get("item 2", "Item", 2).await];
    shop.heard().await;
    assert_eq!(shop.stale(&kept), [""; 0]);
    other.batch_execute("ROLLBACK PREPARED 'two'").await.expect("it is over");
    other.batch_execute("COMMIT PREPARED 'one'").await.expect("it is over");
    shop.heard().await;
    assert_eq!(shop.stale(&kept), ["item 1"]);
}

#[tokio::test]
async fn more_changes_than_one_poll_takes_are_a_gap() {
    let database = unfollowed().await;
    migrate(&database.url, &[]).await;
    let shop = Shop::at(&database.url, |settings| settings.changes_max = 50).await;
    let kept = [shop.get("item 250", "Item", 250).await];
    let sql: String = (1..=60).map(|id| format!("UPDATE item SET title = 'x' WHERE id = {id};")).collect();
    shop.client.batch_execute(&sql).await.expect("updates");
    shop.until("a gap", |feed| feed.status(Instant::now()).gaps > 0).await;
    assert_eq!(shop.verdict(&kept[0]), Verdict::BelowFloor);
    let kept = [shop.get("item 250", "Item", 250).await];
    shop.heard().await;
    assert_eq!(shop.stale(&kept), [""; 0]);
}

#[tokio::test]
async fn cleaning_forgets_old_changes_and_never_one_that_is_under_way() {
    let database = unfollowed().await;
    migrate(&database.url, &[]).await;
    let late = connect(&database.url).await;
    let shop = Shop::at(&database.url, |settings| {
        settings.keep = Duration::ZERO;
        settings.clean_interval = Duration::ZERO;
        settings.clean_rows_max = 3;
    })
    .await;
    for id in 1..=20 {
        shop.client
            .execute("UPDATE item SET title = 'x' WHERE id = $1", &[&i64::from(id)])
            .await
            .expect("an update");
    }
    crate::support::session::until(&database, "SELECT count(*) = 0 FROM rowcall.change").await;
    late.batch_execute("BEGIN; UPDATE item SET title = 'late' WHERE id = 1").await.expect("an update");
    let kept = [shop.get("item 1", "Item", 1).await];
    // Cleaning goes on, and comes no further than the transaction that is under way.
    let before = floor(&shop).await;
    for _ in 0..10 {
        shop.client.execute("UPDATE item SET title = 'x' WHERE id = 2", &[]).await.expect("an update");
        shop.heard().await;
    }
    assert!(floor(&shop).await >= before);
    assert_eq!(shop.stale(&kept), [""; 0]);
    late.batch_execute("COMMIT").await.expect("a commit");
    shop.heard().await;
    assert_eq!(shop.stale(&kept), ["item 1"]);
    assert_eq!(shop.feed.status(Instant::now()).gaps, 0);
}

async fn floor(shop: &Shop) -> i64 {
    let row = shop.client.query_one("SELECT floor_xmin::text::int8 FROM rowcall.state", &[]).await;
    row.expect("there is a state").get(0)
}

/// Its connection is held up while another instance cleans.
#[tokio::test]
async fn an_instance_that_was_cut_off_for_too_long_has_a_gap() {
    let shop = Shop::open().await;
    let kept = [shop.get("item 7", "Item", 7).await];
    shop.heard().await;
    let holder = connect(&shop.url).await;
    // A poll waits for this lock.
    holder.batch_execute("BEGIN; LOCK TABLE rowcall.epoch IN ACCESS EXCLUSIVE MODE").await.expect("a lock");
    shop.client.execute("UPDATE item SET title = 'x' WHERE id = 1", &[]).await.expect("an update");
    holder
        .batch_execute(
            "UPDATE rowcall.state SET pending_xmin = pg_snapshot_xmax(pg_current_snapshot()), pending_at = '2000-01-01'; \
             SELECT rowcall.clean('1 minute', 100); COMMIT",
        )
        .await
        .expect("it is cleaned");
    shop.until("a gap", |feed| feed.status(Instant::now()).gaps == 1).await;
    assert_eq!(shop.verdict(&kept[0]), Verdict::BelowFloor);
}

#[tokio::test]
async fn one_instance_at_a_time_cleans() {
    let shop = Shop::open().await;
    shop.client.execute("UPDATE item SET title = 'x' WHERE id = 1", &[]).await.expect("an update");
    let other = connect(&shop.url).await;
    other.batch_execute("BEGIN; SELECT FROM rowcall.state FOR UPDATE").await.expect("a lock");
    // It neither waits nor cleans.
    let row = shop.client.query_one("SELECT rowcall.clean('0s', 100)", &[]).await.expect("it returns");
    assert_eq!(row.get::<_, i32>(0), 0);
    other.batch_execute("ROLLBACK").await.expect("it is over");
    // Others' transactions, of any database, hold it back for a while.
    let late = Instant::now() + LONG;
    loop {
        let row = shop.client.query_one("SELECT rowcall.clean('0s', 100)", &[]).await.expect("it returns");
        match row.get::<_, i32>(0) {
            0 => assert!(Instant::now() < late, "it never cleans"),
            gone => return assert_eq!(gone, 1),
        }
    }
}
