//! Hits are read again now and then: a change that nobody told of ends what is kept of its table.

use serde_json::json;

use super::stock::{PATIENT, Stock, title};
use crate::support::Answer;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_should_have_been_another_stops_its_tables_cache() {
    let stock = Stock::open(&[PATIENT, &[("cache.verify_one_in", "1")]].concat()).await;
    let mismatch = |got: &Answer| got.said("rowcall-cache") == Some("bypass; reason=mismatch");
    stock.kept("GetItem", json!({"name": "items/2"})).await;
    // As a trigger that somebody has emptied would: the change is there, and nothing tells of it.
    stock
        .execute(
            "BEGIN; UPDATE item SET title = 'unheard' WHERE id = 2; \
             DELETE FROM rowcall.change WHERE xid = pg_current_xact_id(); COMMIT",
        )
        .await;
    stock
        .until("GetItem", json!({"name": "items/2"}), |got| {
            got.as_ref().is_ok_and(|got| title(got) == "unheard" && mismatch(got))
        })
        .await;
    let got = stock.get("items/3", &[]).await.expect("it is there");
    assert!(mismatch(&got), "{:?}", got.metadata);
    stock.kept("GetShelf", json!({"name": "shelves/1"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_are_told_of_are_no_mismatch() {
    let stock = Stock::open(&[("cache.verify_one_in", "1")]).await;
    for version in 0..50 {
        stock.execute(&format!("UPDATE item SET title = '{version}' WHERE id < 5")).await;
        for name in ["items/1", "items/2", "items/5"] {
            stock.title(name).await;
        }
        stock.call("ListItems", json!({"page_size": 3})).await;
    }
    stock.kept("GetItem", json!({"name": "items/1"})).await;
    stock.kept("ListItems", json!({"page_size": 3})).await;
}
