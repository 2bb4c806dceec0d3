//! Rows: kept by key, found by Get and BatchGet alike, and gone when they change.

use std::time::Instant;

use serde_json::json;

use super::stock::{PATIENT, Stock, from, title};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_read_once_and_again_when_it_has_changed() {
    let stock = Stock::open(&[]).await;
    let first = stock.get("items/2", &[]).await.expect("it is there");
    assert_eq!(title(&first), "item 2");
    assert_ne!(from(&first), "hit");
    assert_eq!(title(&stock.kept("GetItem", json!({"name": "items/2"})).await), "item 2");
    stock.execute("UPDATE item SET title = 'new' WHERE id = 2").await;
    let acknowledged = Instant::now();
    stock
        .promised(acknowledged, "GetItem", json!({"name": "items/2"}), |got| {
            got.as_ref().is_ok_and(|got| title(got) == "new")
        })
        .await;
    stock.kept("GetItem", json!({"name": "items/2"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_row_is_no_reason_to_read_again() {
    let stock = Stock::open(PATIENT).await;
    stock.title("items/2").await;
    stock.execute("UPDATE item SET title = 'new' WHERE id = 3").await;
    stock
        .until("GetItem", json!({"name": "items/3"}), |got| {
            got.as_ref().is_ok_and(|got| title(got) == "new" && from(got) == "hit")
        })
        .await;
    assert_eq!(stock.title("items/2").await.1, "hit");
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_row_is_not_there_is_kept_too_until_it_is() {
    let stock = Stock::open(PATIENT).await;
    for expected in ["miss", "hit"] {
        let missing = stock.get("items/99", &[]).await.expect_err("it is not there");
        assert_eq!(missing.reason, "ROW_MISSING");
        let said =
            missing.status.metadata().get("rowcall-cache").expect("it is said").to_str().expect("ASCII");
        assert_eq!(said.split(';').next(), Some(expected));
    }
    stock.execute("INSERT INTO item VALUES (99, 'late', 1)").await;
    stock.until("GetItem", json!({"name": "items/99"}), Result::is_ok).await;
    stock.execute("DELETE FROM item WHERE id = 99").await;
    stock.until("GetItem", json!({"name": "items/99"}), Result::is_err).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gets_and_batches_fill_and_use_the_same_rows() {
    let stock = Stock::open(PATIENT).await;
    let batch = json!({"names": ["items/5", "items/6", "items/5"]});
    assert_eq!(from(&stock.call("BatchGetItems", batch.clone()).await), "miss");
    for name in ["items/5", "items/6"] {
        assert_eq!(stock.title(name).await.1, "hit", "a batch keeps its rows");
    }
    stock.title("items/7").await;
    let names = json!({"names": ["items/7", "items/6"]});
    let answer = stock.kept("BatchGetItems", names).await;
    assert_eq!(answer.json()["items"][0]["title"], "item 7");
    assert_eq!(answer.json()["items"][1]["title"], "item 6");
    let whole = stock.kept("BatchGetItems", batch).await.json();
    assert_eq!(whole["items"].as_array().map(Vec::len), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_shows_one_state_of_its_rows() {
    let stock = Stock::open(&[]).await;
    let names = json!({"names": ["items/8", "items/9"]});
    stock.kept("BatchGetItems", names.clone()).await;
    let mut version = 0;
    for _ in 0..50 {
        version += 1;
        let both = format!("UPDATE item SET title = '{version}' WHERE id IN (8, 9)");
        let writing = stock.execute(&both);
        let reading = async {
            // One of them is read before the other is asked for with it.
            let _ = stock.title("items/9").await;
            stock.call("BatchGetItems", names.clone()).await.json()
        };
        let ((), answer) = tokio::join!(writing, reading);
        assert_eq!(
            answer["items"][0]["title"],
            answer["items"][1]["title"].as_str().map_or("", |t| t).replace("item 9", "item 8")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn relations_depend_on_all_that_is_in_them() {
    let stock = Stock::open(&[]).await;
    let request = json!({"name": "shelves/1", "read_mask": "title,items.title"});
    let first = stock.kept("GetShelf", request.clone()).await.json();
    assert_eq!(first["items"].as_array().map(Vec::len), Some(10));
    stock.execute("DELETE FROM item WHERE id = 40").await;
    stock
        .until("GetShelf", request, |got| {
            got.as_ref().is_ok_and(|got| got.json()["items"].as_array().map(Vec::len) == Some(9))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_where_nothing_is_to_be() {
    let stock = Stock::open(&[PATIENT, &[("cache.bytes_max", "0")]].concat()).await;
    for _ in 0..3 {
        let got = stock.get("items/2", &[]).await.expect("it is there");
        assert_eq!(got.said("rowcall-cache"), Some("bypass; reason=off"));
        assert!(got.said("rowcall-token").is_some(), "what it was read with is told all the same");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_in_a_row_of_the_same_table_is_read_again_when_it_has_changed() {
    let stock = Stock::open(&[]).await;
    let request = json!({"name": "items/5", "read_mask": "title,box.title"});
    assert_eq!(stock.kept("GetItem", request.clone()).await.json()["box"]["title"], "item 1");
    stock.execute("UPDATE item SET title = 'a new box' WHERE id = 1").await;
    stock
        .until("GetItem", request, |got| {
            got.as_ref().is_ok_and(|got| got.json()["box"]["title"] == "a new box")
        })
        .await;
}
