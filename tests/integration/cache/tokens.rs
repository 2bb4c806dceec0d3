//! What a caller has seen, it is never shown less of; and what it wants read now is read now.

use serde_json::json;

use super::stock::{PATIENT, SQL, Stock, from, migrate, title, token};
use crate::support::{cluster, database};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_kept_by_every_instance() {
    // A feed that asks so seldom would serve the past for seconds, were there no tokens.
    let slow = [("feed.interval", "5s"), ("cache.lag_max", "60s")];
    let one = Stock::open(&slow).await;
    let other = Stock::at(&one.url, &slow).await;
    for stock in [&one, &other] {
        stock.kept("GetItem", json!({"name": "items/2"})).await;
    }
    one.execute("UPDATE item SET title = 'new' WHERE id = 2").await;
    let read = one.get("items/2", &[("cache-control", "no-cache")]).await.expect("it is there");
    assert_eq!(title(&read), "new");
    let token = token(&read);
    let with = other.get("items/2", &[("rowcall-token", &token)]).await.expect("it is there");
    assert_eq!(title(&with), "new", "never older than the token");
    let names = json!({"names": ["items/2"]});
    let batch = other.client().call_with("BatchGetItems", names, &[("rowcall-token", &token)]).await;
    assert_eq!(batch.expect("it answers").json()["items"][0]["title"], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cache_reads_now_and_max_age_bounds_the_proof() {
    let stock = Stock::open(PATIENT).await;
    stock.kept("GetItem", json!({"name": "items/2"})).await;
    let now = stock.get("items/2", &[("cache-control", "no-cache")]).await.expect("it is there");
    assert_eq!(now.said("rowcall-cache"), Some("bypass; reason=no-cache"));
    let fresh = stock.get("items/2", &[("cache-control", "max-age=0")]).await.expect("it is there");
    assert_eq!(from(&fresh), "miss", "no proof is so young");
    let young = stock.get("items/2", &[("cache-control", "max-age=20")]).await.expect("it is there");
    assert_eq!(from(&young), "hit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_none_is_refused() {
    let stock = Stock::open(PATIENT).await;
    let token = token(&stock.get("items/1", &[]).await.expect("it is there"));
    let foreign = Stock::open(&[]).await;
    for bad in ["abc", &token[1..], &token] {
        let refused =
            foreign.get("items/1", &[("rowcall-token", bad)]).await.expect_err("it is none of ours");
        assert_eq!(refused.reason, "TOKEN_INVALID");
        assert_eq!(refused.violations[0].0, "rowcall-token");
    }
}

/// A copy has its tables' numbers, its transactions' ids and what names the life of the database, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_database_is_refused_by_its_copy() {
    let original = database(&[SQL]).await;
    migrate(&original.url).await;
    original.execute("SELECT rowcall.begin_epoch(NULL)").await;
    let copy = format!("{}_copy", original.name);
    let make = format!("CREATE DATABASE {copy} TEMPLATE {}", original.name);
    tokio::task::spawn_blocking(move || cluster().psql("postgres", &["-c", &make])).await.expect("a copy");
    let original = Stock::at(&original.url, PATIENT).await;
    let copy = Stock::at(&cluster().url(&copy), PATIENT).await;
    let mut names = Vec::new();
    for stock in [&original, &copy] {
        let row = stock.sql.query_one("SELECT nonce::text FROM rowcall.epoch", &[]).await.expect("SQL");
        names.push(row.get::<_, String>(0));
    }
    assert_eq!(names[0], names[1], "nothing else tells them apart");
    let token = token(&original.get("items/2", &[]).await.expect("it is there"));
    let refused = copy.get("items/2", &[("rowcall-token", &token)]).await.expect_err("it is another's");
    assert_eq!(refused.reason, "TOKEN_INVALID");
    original.get("items/2", &[("rowcall-token", &token)]).await.expect("it is its own");
}
