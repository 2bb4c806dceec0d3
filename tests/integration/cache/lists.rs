//! Pages and chunks: kept by what they show.

use serde_json::json;

use super::stock::{PATIENT, SQL, Stock, from, migrate};
use crate::support::database;
use crate::support::session::settled;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_kept_until_any_row_changes() {
    let stock = Stock::open(PATIENT).await;
    let request = json!({"page_size": 5, "order_by": "title"});
    let first = stock.call("ListItems", request.clone()).await;
    assert_eq!(from(&first), "miss");
    let again = stock.call("ListItems", request.clone()).await;
    assert_eq!((from(&again).as_str(), again.json()), ("hit", first.json()));
    assert_eq!(again.said("rowcall-total"), first.said("rowcall-total"));
    let next = json!({"page_size": 5, "order_by": "title", "page_token": first.json()["next_page_token"]});
    let second = stock.kept("ListItems", next).await.json();
    assert_ne!(second["items"], first.json()["items"]);
    stock.execute("UPDATE item SET title = ' first' WHERE id = 33").await;
    stock
        .until("ListItems", request, |got| {
            got.as_ref().is_ok_and(|got| got.json()["items"][0]["title"] == " first")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_requests_are_other_pages() {
    let stock = Stock::open(PATIENT).await;
    let requests = [
        json!({"page_size": 5}),
        json!({"page_size": 6}),
        json!({"page_size": 5, "order_by": "title"}),
        json!({"page_size": 5, "filter": "shelf = 2"}),
        json!({"page_size": 5, "filter": "shelf = 3"}),
    ];
    for request in &requests {
        assert_eq!(from(&stock.call("ListItems", request.clone()).await), "miss", "{request}");
    }
    for request in requests {
        assert_eq!(from(&stock.call("ListItems", request).await), "hit");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_column_keeps_apart_what_changes_apart() {
    let stock = Stock::open(PATIENT).await;
    let [two, three] = [2, 3].map(|shelf| json!({"filter": format!("shelf = {shelf}"), "order_by": "title"}));
    stock.kept("ListItems", two.clone()).await;
    stock.kept("ListItems", three.clone()).await;
    stock.execute("UPDATE item SET title = 'moved', shelf_id = 4 WHERE id = 2").await;
    stock
        .until("ListItems", three.clone(), |got| {
            got.as_ref().is_ok_and(|got| !got.json().to_string().contains("\"item 2\""))
        })
        .await;
    assert_eq!(from(&stock.call("ListItems", two).await), "hit", "no row of shelf 2 has changed");
    let four = json!({"filter": "shelf = 4", "order_by": "title"});
    assert!(stock.call("ListItems", four).await.json().to_string().contains("moved"));
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_of_a_stream_are_kept_where_they_begin() {
    let stock = Stock::open(PATIENT).await;
    let read = async |request: serde_json::Value| {
        let mut chunks = stock.client().stream("StreamItems", request).await.expect("it answers");
        let mut all = Vec::new();
        while let Some(chunk) = chunks.next().await.expect("it goes on") {
            all.push(crate::support::json(&chunk));
        }
        let trailers = chunks.trailers().await;
        let said = trailers.get("rowcall-cache").expect("it is said").to_str().expect("ASCII").to_owned();
        (all, said.split(';').next().unwrap_or_default().to_owned())
    };
    let (first, said) = read(json!({"chunk_size": 7})).await;
    assert_eq!((first.len(), said.as_str()), (6, "miss"));
    let (again, said) = read(json!({"chunk_size": 7})).await;
    assert_eq!((&again, said.as_str()), (&first, "hit"));
    let (rest, said) = read(json!({"chunk_size": 7, "resume_token": first[2]["resume_token"]})).await;
    assert_eq!((&rest[..], said.as_str()), (&first[3..], "hit"));
    stock.execute("UPDATE item SET title = 'new' WHERE id = 40").await;
    loop {
        let (all, _) = read(json!({"chunk_size": 7})).await;
        let ids: Vec<String> = all
            .iter()
            .flat_map(|chunk| chunk["items"].as_array().expect("rows").clone())
            .map(|item| item["name"].as_str().expect("a name").to_owned())
            .collect();
        assert_eq!(ids.len(), 40, "every row comes once, kept or read: {ids:?}");
        if all.last().is_some_and(|last| last.to_string().contains("\"new\"")) {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_whose_rows_are_filtered_by_others_depends_on_those_too() {
    let stock = Stock::open(PATIENT).await;
    // Item 5 is of shelf 2, and its box of shelf 2 as well; the box is moved and renamed from elsewhere.
    let request = json!({"filter": "shelf = 2 AND box.title = \"item 1\""});
    let kept = stock.kept("ListItems", request.clone()).await.json();
    assert_eq!(kept["items"].as_array().map(Vec::len), Some(1));
    stock.execute("UPDATE item SET shelf_id = 3 WHERE id = 1").await;
    stock.kept("ListItems", request.clone()).await;
    stock.execute("UPDATE item SET title = 'renamed' WHERE id = 1").await;
    stock
        .until("ListItems", request, |got| got.as_ref().is_ok_and(|got| got.json().get("items").is_none()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pages_token_is_good_for_the_words_it_was_asked_with() {
    let stock = Stock::open(PATIENT).await;
    for filter in ["shelf = 2", "shelf=2", "shelf = 2 "] {
        let request = json!({"page_size": 3, "filter": filter});
        let first = stock.call("ListItems", request).await.json();
        let token = first["next_page_token"].clone();
        let next = json!({"page_size": 3, "filter": filter, "page_token": token});
        let second = stock.call("ListItems", next).await.json();
        assert_ne!(second["items"], first["items"], "{filter:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streams_token_asks_for_all_of_its_chunks() {
    // Nothing is heard of the change; the first chunk is too large to be kept, the second is not.
    let slow = [("feed.interval", "10m"), ("cache.lag_max", "1h"), ("cache.entry_bytes_max", "4KiB")];
    let database = database(&[SQL]).await;
    migrate(&database.url).await;
    // With polls so rare, the first one has to find that the plans know the tables.
    settled(&database).await;
    let one = Stock::at(&database.url, &slow).await;
    one.execute("UPDATE item SET title = repeat('x', 5000) WHERE id = 1").await;
    let other = Stock::at(&one.url, &slow).await;
    let stream = async || {
        let mut chunks =
            one.client().stream("StreamItems", json!({"chunk_size": 20})).await.expect("it answers");
        let mut titles = Vec::new();
        while let Some(chunk) = chunks.next().await.expect("it goes on") {
            titles.push(crate::support::json(&chunk)["items"][1]["title"].clone());
        }
        let trailers = chunks.trailers().await;
        let said = trailers.get("rowcall-token").expect("it was read with something");
        (titles, said.to_str().expect("ASCII").to_owned())
    };
    other.kept("GetItem", json!({"name": "items/2"})).await;
    assert_eq!(stream().await.0, ["item 2", "item 22"]);
    one.execute("UPDATE item SET title = 'new' WHERE id IN (2, 22)").await;
    let (titles, token) = stream().await;
    assert_eq!(titles, ["new", "item 22"], "the first chunk is read, the second as it was kept");
    let got = other.get("items/2", &[("rowcall-token", &token)]).await.expect("it is there");
    assert_eq!(super::stock::title(&got), "new");
}
