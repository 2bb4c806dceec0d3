//! What is done to tables and triggers is noticed: what cannot be followed is not, and what moved is not served.

use std::sync::atomic::Ordering;

use rowcall::cache::Verdict;
use rowcall::feed::{Mode, Why, plans_name};

use super::shop::{Shop, migrate, unfollowed};
use crate::support::session::settled;

#[tokio::test]
async fn a_trigger_that_does_not_always_fire_is_no_trigger() {
    for (sql, why) in [
        ("ALTER TABLE item DISABLE TRIGGER rowcall_update", Why::TriggerDisabled),
        ("ALTER TABLE item DISABLE TRIGGER ALL", Why::TriggerDisabled),
        ("ALTER TABLE item ENABLE TRIGGER rowcall_insert", Why::TriggerDisabled),
        ("DROP TRIGGER rowcall_delete ON item", Why::TriggerMissing),
        ("ALTER TABLE item ENABLE ROW LEVEL SECURITY", Why::RowSecurity),
        ("DROP TRIGGER rowcall_truncate ON event_2", Why::TriggerMissing),
        ("CREATE TABLE event_3 PARTITION OF event FOR VALUES FROM (20) TO (30)", Why::TriggerMissing),
        ("CREATE TABLE cow () INHERITS (animal)", Why::TriggerMissing),
        ("ALTER TABLE shelf ALTER id TYPE int8", Why::Outdated),
        ("UPDATE rowcall.followed SET parts = '{}' WHERE relation = 'item'::regclass", Why::Outdated),
    ] {
        let shop = Shop::open().await;
        let table = ["event", "animal", "shelf ALTER"]
            .into_iter()
            .find(|table| sql.contains(table))
            .unwrap_or("item");
        let table = table.trim_end_matches(" ALTER");
        assert_eq!(shop.mode(table).await, Mode::Tracked, "{sql}");
        shop.client.batch_execute(sql).await.expect(sql);
        if why == Why::Outdated {
            shop.reload().await;
        }
        shop.until_untracked(table, why).await;
        assert_eq!(shop.mode("line").await, Mode::Tracked, "{sql}");
    }
}

#[tokio::test]
async fn migrating_again_mends_what_was_broken() {
    let shop = Shop::open().await;
    shop.client
        .batch_execute(
            "ALTER TABLE item DISABLE TRIGGER ALL; DROP TRIGGER rowcall_delete ON shelf; \
             CREATE TABLE event_3 PARTITION OF event FOR VALUES FROM (20) TO (30); \
             ALTER TABLE line RENAME number TO position; ALTER TABLE line RENAME position TO number",
        )
        .await
        .expect("damage");
    shop.until_untracked("item", Why::TriggerDisabled).await;
    migrate(&shop.url, &[]).await;
    for table in ["item", "shelf", "event", "line"] {
        shop.until_mode(table, Mode::Tracked).await;
    }
    let kept = [shop.part("day 25", "Event", 25).await, shop.part("day 3", "Event", 3).await];
    shop.client.batch_execute("INSERT INTO event_3 VALUES (1, 25, '')").await.expect("an insert");
    shop.heard().await;
    assert_eq!(shop.stale(&kept), ["day 25"]);
}

/// Off and on again between two polls: what the catalog says is as it was, and a change went unheard.
#[tokio::test]
async fn what_was_done_and_undone_is_noticed() {
    let shop = Shop::open().await;
    let kept = [shop.get("item 1", "Item", 1).await, shop.list("shelves", "Shelf").await];
    shop.client
        .batch_execute(
            "BEGIN; ALTER TABLE item DISABLE TRIGGER ALL; UPDATE item SET title = 'unheard' WHERE id = 1; \
             ALTER TABLE item ENABLE ALWAYS TRIGGER rowcall_insert, ENABLE ALWAYS TRIGGER rowcall_update, \
             ENABLE ALWAYS TRIGGER rowcall_delete, ENABLE ALWAYS TRIGGER rowcall_truncate; COMMIT",
        )
        .await
        .expect("it is done and undone");
    shop.heard().await;
    shop.until_mode("item", Mode::Tracked).await;
    assert_eq!(shop.verdict(&kept[0]), Verdict::BelowFloor);
    assert_eq!(shop.verdict(&kept[1]), Verdict::Good);
}

#[tokio::test]
async fn ddl_moves_its_table_and_is_told() {
    for sql in [
        "ALTER TABLE item ALTER shelf TYPE int8 USING 1",
        "ALTER TABLE item ADD note text DEFAULT 'x'",
        "ALTER TABLE item RENAME title TO name",
        "REVOKE ALL ON item FROM public; GRANT SELECT ON item TO public",
        "VACUUM FULL item",
        "CREATE POLICY p ON item USING (false)",
        "CREATE TABLE every (LIKE item); ALTER TABLE item INHERIT every",
        "CREATE TABLE every (LIKE item) PARTITION BY RANGE (id); ALTER TABLE every ATTACH PARTITION item DEFAULT",
        "CREATE OR REPLACE VIEW titled AS SELECT id, lower(title) AS title FROM item",
    ] {
        let shop = Shop::open().await;
        let (name, kept) = match sql.contains("VIEW") {
            true => ("titled", shop.list("titled", "Titled").await),
            false => ("item", shop.get("item 1", "Item", 1).await),
        };
        let other = shop.list("events", "Event").await;
        let before = shop.ddl.load(Ordering::SeqCst);
        shop.client.batch_execute(sql).await.expect(sql);
        shop.heard().await;
        assert_eq!(shop.verdict(&kept), Verdict::BelowFloor, "{sql}: {name}");
        assert_eq!(shop.verdict(&other), Verdict::Good, "{sql}");
        assert!(shop.ddl.load(Ordering::SeqCst) > before, "{sql}");
    }
}

/// What an answer depends on is another table, and the plans do not know.
#[tokio::test]
async fn what_is_done_between_the_plans_and_the_first_poll_is_noticed() {
    let database = unfollowed().await;
    migrate(&database.url, &[]).await;
    for (sql, of) in [
        ("CREATE OR REPLACE VIEW titled AS SELECT item AS id, upper(note) AS title FROM line", "titled"),
        ("ALTER TABLE shelf ADD note text", "shelf"),
        ("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'; ALTER TABLE line ADD mood mood", "line"),
    ] {
        let shop = Shop::planned(&database.url, sql, |_| {}).await;
        let old = plans_name(&shop.plans.lock().expect("no panic").clone());
        let oid = shop.oid(of).await;
        shop.until("tracked again", |feed| {
            let following = feed.following();
            let tracked = *following.mode(oid) == Mode::Tracked;
            assert!(!tracked || !following.is_for(old), "{sql}: tracked by plans from before");
            tracked
        })
        .await;
        let met = shop.ddl.load(Ordering::SeqCst);
        assert!(met > 0, "{sql}");
        for _ in 0..3 {
            shop.heard().await;
        }
        assert_eq!(shop.ddl.load(Ordering::SeqCst), met, "{sql}: asked for once");
    }
}

#[tokio::test]
async fn plans_that_know_the_tables_are_not_made_again() {
    let database = unfollowed().await;
    migrate(&database.url, &[]).await;
    settled(&database).await;
    let shop = Shop::at(&database.url, |_| {}).await;
    assert_eq!(shop.mode("item").await, Mode::Tracked);
    assert_eq!(shop.ddl.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_enums_labels_are_part_of_its_tables() {
    let database = unfollowed().await;
    database.execute("ALTER TABLE shelf ADD mood mood DEFAULT 'sad'").await;
    migrate(&database.url, &[]).await;
    let shop = Shop::at(&database.url, |_| {}).await;
    let kept = [shop.list("shelves", "Shelf").await, shop.list("items", "Item").await];
    shop.client.batch_execute("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'").await.expect("a rename");
    shop.heard().await;
    assert_eq!(shop.stale(&kept), ["shelves"]);
}

#[tokio::test]
async fn a_logical_subscription_makes_its_table_untracked() {
    let shop = Shop::open().await;
    shop.client
        .batch_execute(
            "CREATE SUBSCRIPTION nobody CONNECTION 'host=127.0.0.1 port=1' PUBLICATION none \
             WITH (connect = false, enabled = false, slot_name = NONE)",
        )
        .await
        .expect("a subscription");
    shop.client
        .batch_execute(
            "INSERT INTO pg_subscription_rel SELECT oid, 'item'::regclass, 'r', NULL FROM pg_subscription WHERE subname = 'nobody'",
        )
        .await
        .expect("a table of it");
    shop.until_untracked("item", Why::Subscription).await;
    assert_eq!(shop.mode("shelf").await, Mode::Tracked);
    shop.client.batch_execute("DROP SUBSCRIPTION nobody").await.expect("it is gone");
    shop.until_mode("item", Mode::Tracked).await;
}

#[tokio::test]
async fn installing_while_serving_is_noticed_and_so_is_removing() {
    let database = unfollowed().await;
    let shop = Shop::unheard(&database.url, |settings| {
        settings.look_interval = std::time::Duration::from_millis(50);
    })
    .await;
    shop.until_untracked("item", Why::NotInstalled).await;
    migrate(&database.url, &[]).await;
    shop.until_mode("item", Mode::Tracked).await;
    let first = shop.feed.ledger().epoch();
    assert!(first.is_some());
    migrate(&database.url, &["--down"]).await;
    shop.until_untracked("item", Why::NotInstalled).await;
    migrate(&database.url, &[]).await;
    shop.until_mode("item", Mode::Tracked).await;
    shop.heard().await;
    assert_ne!(shop.feed.ledger().epoch(), first);
}

#[tokio::test]
async fn a_schema_of_another_version_is_not_read() {
    let shop = Shop::open().await;
    shop.client.batch_execute("UPDATE rowcall.state SET version = 99").await.expect("an update");
    shop.until_untracked("item", Why::OtherVersion).await;
    let (code, _, error) = super::shop::try_migrate(&shop.url, &[]).await;
    assert_eq!(code, 1);
    assert!(error.contains("version 99"), "{error}");
}
