//! When the feed cannot be heard, answers are read: slower, not staler.

use std::time::Instant;

use serde_json::json;

use super::stock::{Stock, from, plain, title};
use crate::support::Answer;

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_trigger_ends_what_is_kept_and_its_return_begins_anew() {
    let stock = Stock::open(&[]).await;
    stock.kept("GetItem", json!({"name": "items/2"})).await;
    stock.execute("ALTER TABLE item DISABLE TRIGGER USER").await;
    stock.execute("UPDATE item SET title = 'unheard' WHERE id = 2").await;
    let acknowledged = Instant::now();
    stock
        .promised(acknowledged, "GetItem", json!({"name": "items/2"}), |got| {
            got.as_ref().is_ok_and(|got| title(got) == "unheard")
        })
        .await;
    let bypass = |got: &Result<_, _>| got.as_ref().is_ok_and(|got| from(got) == "bypass");
    stock.until("GetItem", json!({"name": "items/2"}), bypass).await;
    let enable = "DO $$ DECLARE name name; BEGIN FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'item'::regclass AND NOT tgisinternal LOOP EXECUTE format('ALTER TABLE item ENABLE ALWAYS TRIGGER %I', name); END LOOP; END $$";
    stock.execute(enable).await;
    let again = stock.kept("GetItem", json!({"name": "items/2"})).await;
    assert_eq!(title(&again), "unheard");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_altered_is_read_again() {
    let stock = Stock::open(&[]).await;
    stock.kept("ListItems", json!({"page_size": 3})).await;
    stock.execute("ALTER TABLE item ALTER COLUMN title TYPE text USING 'altered ' || title").await;
    stock
        .until("ListItems", json!({"page_size": 3}), |got| {
            got.as_ref().is_ok_and(|got| got.json()["items"][0]["title"] == "altered item 1")
        })
        .await;
    stock.execute("TRUNCATE item").await;
    stock
        .until("ListItems", json!({"page_size": 3}), |got| {
            got.as_ref().is_ok_and(|got| got.json().get("items").is_none())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_altered_is_proved_again_only_by_plans_that_know_it() {
    let stock = Stock::open(&[]).await;
    stock.kept("GetItem", json!({"name": "items/2"})).await;
    for column in 0..5 {
        stock.execute(&format!("ALTER TABLE item ADD COLUMN more_{column} int4")).await;
        stock.execute(&format!("UPDATE item SET title = 'title {column}' WHERE id = 2")).await;
        stock
            .until("GetItem", json!({"name": "items/2"}), |got| {
                got.as_ref().is_ok_and(|got| title(got) == format!("title {column}"))
            })
            .await;
    }
    stock.kept("GetItem", json!({"name": "items/2"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_is_heard_for_long_calls_read_and_do_not_wait_for_each_other() {
    let stock = Stock::open(&[]).await;
    let deaf = plain(&stock.url).await;
    // A poll waits for this lock, and no call does.
    deaf.batch_execute("BEGIN; LOCK TABLE rowcall.state IN ACCESS EXCLUSIVE MODE").await.expect("locked");
    let request = json!({"page_size": 3, "order_by": "title desc"});
    let old = |got: &Result<Answer, _>| {
        got.as_ref().is_ok_and(|got| got.said("rowcall-cache") == Some("bypass; reason=feed"))
    };
    stock.until("ListItems", request.clone(), old).await;
    stock.execute("UPDATE item SET title = 'z' WHERE id = 2").await;
    let now = stock.call("ListItems", request.clone()).await;
    assert_eq!(now.json()["items"][0]["title"], "z", "what is read is what is there");
    let holder = stock.hold().await;
    let calls: Vec<_> = (0..3).map(|_| stock.ask("ListItems", request.clone(), &[])).collect();
    stock.held_up(3).await;
    holder.batch_execute("COMMIT").await.expect("released");
    for call in calls {
        assert!(old(&call.await.expect("no panic")));
    }
    deaf.batch_execute("COMMIT").await.expect("released");
    stock.kept("ListItems", request).await;
}
