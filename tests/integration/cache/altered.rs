//! Plans that do not know what a table or a view has become prove nothing.

use std::fs;

use serde_json::json;

use super::stock::{CONTRACT, PATIENT, SQL, Stock, from, migrate, title};
use crate::support::{Answer, database};

/// What is asked for; what is done to what it is made from; a change that is told to plans from after it alone.
const ALTERED: [(&str, &str, &str, &str); 3] = [
    (
        "GetLabel",
        "labels/2",
        "CREATE OR REPLACE VIEW label AS SELECT s.id, i.title FROM shelf s JOIN item i ON i.id = s.id",
        "UPDATE item SET title = 'unheard' WHERE id = 2",
    ),
    (
        "GetItem",
        "items/2",
        "CREATE TABLE every (LIKE item); ALTER TABLE item INHERIT every",
        "UPDATE every SET title = 'unheard' WHERE id = 2",
    ),
    (
        "GetItem",
        "items/2",
        "CREATE TABLE every (LIKE item) PARTITION BY RANGE (id); ALTER TABLE every ATTACH PARTITION item DEFAULT",
        "UPDATE every SET title = 'unheard' WHERE id = 2",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn plans_from_before_prove_nothing_when_no_new_ones_can_be_made() {
    for (method, name, alter, change) in ALTERED {
        let database = database(&[SQL]).await;
        migrate(&database.url).await;
        let folder = tempfile::tempdir().expect("a folder");
        let contract = folder.path().join("stock.proto");
        fs::copy(CONTRACT, &contract).expect("a contract");
        let stock = Stock::by(contract.to_str().expect("UTF-8"), &database.url, PATIENT).await;
        let request = json!({"name": name});
        stock.kept(method, request.clone()).await;
        fs::write(&contract, "message {").expect("it is written");
        stock.execute(alter).await;
        let bypass = |got: &Answer| got.said("rowcall-cache") == Some("bypass; reason=untracked");
        stock.until(method, request.clone(), |got| got.as_ref().is_ok_and(bypass)).await;
        stock.execute(change).await;
        let got = stock.call(method, request).await;
        assert_eq!((title(&got).as_str(), bypass(&got)), ("unheard", true), "{alter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_is_replaced_depends_on_what_it_reads_now() {
    let stock = Stock::open(PATIENT).await;
    let request = json!({"name": "labels/2"});
    assert_eq!(title(&stock.kept("GetLabel", request.clone()).await), "shelf 2");
    let (_, _, replace, change) = ALTERED[0];
    stock.execute(replace).await;
    let kept = |text: &'static str| {
        move |got: &Result<Answer, _>| got.as_ref().is_ok_and(|got| title(got) == text && from(got) == "hit")
    };
    stock.until("GetLabel", request.clone(), kept("item 2")).await;
    stock.execute(change).await;
    stock.until("GetLabel", request, kept("unheard")).await;
}
