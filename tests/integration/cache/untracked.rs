//! What cannot be followed is not kept, unless its contract says for how long.

use serde_json::json;

use super::stock::{CONTRACT, SQL, Stock, from};
use crate::support::{database, serve};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_feed_nothing_is_kept_and_no_token_is_given() {
    let database = database(&[SQL]).await;
    let local = serve(CONTRACT, &database.url, &[]).await;
    for _ in 0..3 {
        let got = local.client.call("GetItem", json!({"name": "items/1"})).await.expect("it is there");
        assert_eq!(got.said("rowcall-cache"), Some("bypass; reason=untracked"));
        assert_eq!(got.said("rowcall-token"), None);
    }
    let metadata = [("rowcall-token", "AW9pn3b_IsGlrwYARKDlAQ")];
    let refused = local.client.call_with("GetItem", json!({"name": "items/1"}), &metadata).await;
    assert_eq!(refused.expect_err("there is nothing to keep it by").reason, "TOKEN_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_may_say_for_how_long() {
    let stock = Stock::open(&[]).await;
    let request = json!({"name": "notes/1"});
    assert_eq!(from(&stock.call("GetNote", request.clone()).await), "miss");
    let kept = stock.call("GetNote", request.clone()).await;
    let said = kept.said("rowcall-cache").expect("it is said");
    assert!(said.starts_with("hit; age=") && said.ends_with("; proof=ttl"), "{said}");
    stock.execute("UPDATE note SET title = 'new'").await;
    let old = stock.call("GetNote", request.clone()).await;
    assert_eq!(old.json()["title"], "note", "nobody tells of the change");
    let metadata = [("cache-control", "max-age=0")];
    let new = stock.client().call_with("GetNote", request, &metadata).await.expect("it is there");
    assert_eq!(new.json()["title"], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_depend_on_who_asks_are_not_kept_whatever_the_contract_says() {
    let stock = Stock::open(&[]).await;
    for _ in 0..3 {
        let got = stock.call("ListSecrets", json!({})).await;
        assert_eq!(got.said("rowcall-cache"), Some("bypass; reason=untracked"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_calls_a_function_of_somebodys_is_not_kept() {
    let stock = Stock::open(&[]).await;
    for _ in 0..3 {
        let got = stock.call("GetShout", json!({"name": "shouts/2"})).await;
        assert_eq!(got.said("rowcall-cache"), Some("bypass; reason=untracked"));
        assert_eq!(got.json()["title"], "SHELF 2");
    }
    stock
        .execute(
            "CREATE OR REPLACE FUNCTION loud(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1 || $1'",
        )
        .await;
    assert_eq!(stock.call("GetShout", json!({"name": "shouts/2"})).await.json()["title"], "shelf 2shelf 2");
    stock.kept("GetLabel", json!({"name": "labels/2"})).await;
}
