//! What one instance has left in Redis, the next one serves as far as nothing has changed, whoever was there to see.

use std::time::Instant;

use serde_json::json;

use super::stock::{LONG, PATIENT, SQL, Stock, migrate, title};
use crate::support::{Redis, database};

/// The Redis is another process, on a machine that may be busy.
fn settings(redis: &Redis) -> Vec<(&'static str, String)> {
    let patient = PATIENT.iter().map(|(name, value)| (*name, (*value).to_owned()));
    patient.chain([("redis.url", redis.url()), ("redis.wait_max", "10s".to_owned())]).collect()
}

async fn open(url: &str, redis: &Redis) -> Stock {
    let settings = settings(redis);
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Stock::at(url, &settings).await
}

/// The same, once it has reached its Redis: until then an instance does without.
async fn succeed(url: &str, redis: &Redis) -> Stock {
    let stock = open(url, redis).await;
    let (before, late) = (kept(redis), Instant::now() + LONG);
    for other in 0.. {
        let request = json!({"page_size": 1, "filter": format!("title != \"{other}\"")});
        stock.call("ListItems", request).await;
        if kept(redis) > before {
            break;
        }
        assert!(Instant::now() < late, "it never shares");
    }
    stock
}

/// Answers that Redis has.
fn kept(redis: &Redis) -> usize {
    redis.ask(&["DBSIZE"])
}

async fn redis() -> Redis {
    tokio::task::spawn_blocking(|| Redis::start(&[])).await.expect("it starts")
}

/// Reads items until Redis has them; then nobody is there any more.
async fn leave(url: &str, redis: &Redis) {
    let stock = open(url, redis).await;
    let late = Instant::now() + LONG;
    while kept(redis) < ITEMS.len() {
        assert!(Instant::now() < late, "Redis never has them");
        for name in ITEMS {
            stock.get(name, &[("cache-control", "no-cache")]).await.expect("it is there");
        }
    }
    stock.local.serving.stop().await.expect("it ends");
}

/// The first one is read by whoever opens a stock.
const ITEMS: [&str; 6] = ["items/1", "items/2", "items/3", "items/4", "items/5", "items/6"];

async fn said(stock: &Stock, name: &str) -> String {
    let got = stock.get(name, &[]).await.expect("it is there");
    format!("{}; {}", got.said("rowcall-cache").expect("it is always said"), title(&got))
}

fn shared(said: &str) -> bool {
    said.starts_with("hit") && said.contains("from=redis")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_change_is_served_from_what_another_left() {
    let (database, redis) = (database(&[SQL]).await, redis().await);
    migrate(&database.url).await;
    leave(&database.url, &redis).await;
    database.execute("UPDATE item SET title = 'changed' WHERE id = 2").await;

    let stock = succeed(&database.url, &redis).await;
    let two = said(&stock, "items/2").await;
    assert!(!shared(&two) && two.ends_with("changed"), "{two}");
    let three = said(&stock, "items/3").await;
    assert!(shared(&three) && three.ends_with("item 3"), "{three}");

    // Also once something has changed that the second one heard of as it came.
    stock.execute("UPDATE item SET title = 'changed' WHERE id IN (3, 4)").await;
    let changed = |got: &Result<_, _>| got.as_ref().is_ok_and(|got| title(got) == "changed");
    stock.until("GetItem", json!({"name": "items/3"}), changed).await;
    let four = said(&stock, "items/4").await;
    assert!(!shared(&four) && four.ends_with("changed"), "{four}");
    let five = said(&stock, "items/5").await;
    assert!(shared(&five) && five.ends_with("item 5"), "{five}");
}

/// The plans have no part in it: their digest is in an answer's key.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_to_a_table_while_nobody_was_there_is_not_passed_over() {
    let unheard = "ALTER TABLE item DISABLE TRIGGER USER; UPDATE item SET title = 'unheard'; \
        DO $$ DECLARE name name; BEGIN FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'item'::regclass AND NOT tgisinternal \
        LOOP EXECUTE format('ALTER TABLE item ENABLE ALWAYS TRIGGER %I', name); END LOOP; END $$";
    let subscribed = "INSERT INTO pg_subscription_rel VALUES (1, 'item'::regclass, 'r', NULL); DELETE FROM pg_subscription_rel";
    for (before, sql, title) in [
        ("", unheard, "unheard"),
        // A table's rows are those of its heirs too; the second heir leaves no trace.
        ("", "CREATE TABLE heir () INHERITS (item); DROP TABLE heir", "item 3"),
        (
            "CREATE TABLE one () INHERITS (item)",
            "CREATE TABLE heir () INHERITS (item); DROP TABLE heir",
            "item 3",
        ),
        ("", subscribed, "item 3"),
        // Rebuilt, it is as empty as if there had never been one.
        (subscribed, "VACUUM FULL pg_subscription_rel", "item 3"),
        ("", "VACUUM FULL item", "item 3"),
    ] {
        let (database, redis) = (database(&[SQL]).await, redis().await);
        database.execute(before).await;
        migrate(&database.url).await;
        leave(&database.url, &redis).await;
        database.execute(sql).await;
        let stock = succeed(&database.url, &redis).await;
        for name in ["items/3", "items/4"] {
            let said = said(&stock, name).await;
            assert!(!shared(&said), "{sql}: {said}");
        }
        let three = said(&stock, "items/3").await;
        assert!(three.ends_with(title), "{sql}: {three}");
    }
}
