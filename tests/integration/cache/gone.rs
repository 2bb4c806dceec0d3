//! When the feed cannot be heard, answers are read: slower, not staler.

use serde_json::json;

use super::stock::{Stock, from, title};

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_trigger_ends_what_is_kept_and_its_return_begins_anew() {
    let stock = Stock::open(&[]).await;
    stock.kept("GetItem", json!({"name": "items/2"})).await;
    stock.execute("ALTER TABLE item DISABLE TRIGGER USER").await;
    stock.execute("UPDATE item SET title = 'unheard' WHERE id = 2").await;
    let took = stock.until("GetItem", json!({"name": "items/2"}), |got| {
        got.as_ref().is_ok_and(|got| title(got) == "unheard")
    });
    assert!(took.await.as_millis() < 1_500, "the promise is a second");
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
