//! Page and resume tokens: good for the request they were made for, and for nothing else.

use std::time::{SystemTime, UNIX_EPOCH};

use rowcall::call::Scope;
use rowcall::plan::query::Deleted;
use rowcall::plan::token::{self, Binding, Keys, Position, Purpose};
use serde_json::{Value, json};
use tonic::Code;

use crate::errors_shop::{Shop, open, shop};
use crate::support::Failure;

const KEY_A: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
const KEY_B: &str = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=";

const FORGED: &str =
    "not a token of this server, or sealed with a key it no longer has; start again without it";

async fn page_token(shop: &Shop, request: Value) -> String {
    let page = shop.client.call("ListThings", request).await.expect("a page").json();
    page["next_page_token"].as_str().expect("a token").to_owned()
}

async fn resume_token(shop: &Shop) -> String {
    let mut chunks = shop.client.stream("StreamThings", json!({"chunk_size": 2})).await.expect("it begins");
    let chunk = chunks.next().await.expect("a chunk").expect("a chunk");
    crate::support::json(&chunk)["resume_token"].as_str().expect("a token").to_owned()
}

/// Asserts that a token is refused, in its field, with these words.
#[track_caller]
fn refused(failure: Failure, field: &str, text: &str) {
    assert_eq!((failure.code, failure.reason.as_str()), (Code::InvalidArgument, "TOKEN_INVALID"));
    assert_eq!(failure.violations, [(field.to_owned(), text.to_owned())]);
    assert_eq!(failure.message, format!("{field}: {text}"));
}

async fn list(shop: &Shop, request: Value) -> Failure {
    shop.client.call("ListThings", request).await.expect_err("the token is not good")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_ours_is_refused() {
    let shop = shop(&[]).await;
    let token = page_token(&shop, json!({"page_size": 2})).await;
    for at in 0..token.len() {
        let mut forged: Vec<char> = token.chars().collect();
        forged[at] = if forged[at] == 'A' { 'B' } else { 'A' };
        let forged: String = forged.into_iter().collect();
        refused(list(&shop, json!({"page_token": forged})).await, "page_token", FORGED);
    }
    for length in 1..token.len() {
        refused(list(&shop, json!({"page_token": token[..length]})).await, "page_token", FORGED);
    }
    for garbage in [" ", "A", "AAAA", "=", "🦀", "null", &format!("{token}A"), &"A".repeat(300_000)] {
        refused(list(&shop, json!({"page_token": garbage})).await, "page_token", FORGED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_request_says_what_differs() {
    let shop = shop(&[]).await;
    let made = json!({"page_size": 2, "filter": "title = \"thing*\"", "order_by": "title"});
    let token = page_token(&shop, made.clone()).await;
    let other = |part: &str| format!("made for another {part}; start again without it");
    let with = |changes: &[(&str, Value)]| {
        let mut request = made.clone();
        request["page_token"] = json!(token);
        changes.iter().for_each(|(field, value)| request[*field] = value.clone());
        request
    };
    let order = with(&[("order_by", json!("title desc"))]);
    refused(list(&shop, order).await, "page_token", &other("order_by"));
    refused(list(&shop, with(&[("filter", json!(""))])).await, "page_token", &other("filter"));
    let both = with(&[("filter", json!("")), ("order_by", json!("name"))]);
    refused(list(&shop, both).await, "page_token", &other("filter and order_by"));
    let method = shop.client.call("ListOtherThings", with(&[])).await.expect_err("another method's");
    refused(method, "page_token", &other("method"));
    let parts = shop.client.call("ListParts", json!({"parent": "things/1", "page_size": 1})).await;
    let parts = parts.expect("a page").json()["next_page_token"].as_str().expect("a token").to_owned();
    let parent = json!({"parent": "things/2", "page_token": parts});
    let parent = shop.client.call("ListParts", parent).await.expect_err("another parent's");
    refused(parent, "page_token", &other("parent"));
    let resumed = json!({"resume_token": token, "filter": made["filter"], "order_by": "title"});
    let resumed = shop.client.stream("StreamThings", resumed).await.err().expect("a page's token");
    refused(resumed, "resume_token", &other("method"));
    let page = json!({"page_token": resume_token(&shop).await});
    refused(list(&shop, page).await, "page_token", &other("method"));
    // The page's size and the mask may change.
    let request = with(&[("page_size", json!(5)), ("read_mask", json!("title"))]);
    let page = shop.client.call("ListThings", request).await.expect("a page").json();
    assert_eq!(page["things"].as_array().expect("rows").len(), 5);
    assert_eq!(page["things"][0], json!({"title": "thing 100"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_pages_have_equal_bytes() {
    let shop = shop(&[("tokens.keys", KEY_A)]).await;
    let request = || json!({"page_size": 3, "order_by": "title desc"});
    let mut pages = Vec::new();
    for _ in 0..2 {
        pages.push(shop.client.call("ListThings", request()).await.expect("a page").message);
    }
    assert_eq!(prost::Message::encode_to_vec(&pages[0]), prost::Message::encode_to_vec(&pages[1]));
}

/// A token behind things/7, sealed with key A so long ago, for a caller and for a key of some type.
fn sealed(seconds_ago: u64, scope: &Scope, key_type: u32) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let binding = Binding {
        purpose: Purpose::Page,
        method: "/shop.v1.Shop/ListThings",
        parent: "",
        filter: "",
        order: "",
        deleted: Deleted::Hidden,
        scope,
        types: &[key_type],
    };
    let position = Position { values: vec![Some(7i32.to_be_bytes().to_vec().into())], total: None };
    token::seal(&Keys::new([b'A'; 32], []), &binding, &position, now - seconds_ago)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_token_is_refused_as_such() {
    let shop = shop(&[("tokens.keys", KEY_A)]).await;
    let scope = Scope::default();
    let other = "made for another set of key types; start again without it";
    refused(list(&shop, json!({"page_token": sealed(0, &scope, 20)})).await, "page_token", other);
    const DAY: u64 = 86_400;
    let page = json!({"page_token": sealed(2 * DAY, &scope, 23), "page_size": 1});
    let page = shop.client.call("ListThings", page).await.expect("young enough").json();
    assert_eq!(page["things"][0]["name"], "things/8");
    let old = "older than 3 days; start again without it";
    refused(list(&shop, json!({"page_token": sealed(4 * DAY, &scope, 23)})).await, "page_token", old);
    let other = Scope { role: Some("other".to_owned()), ..Default::default() };
    let caller = "made for another caller; start again without it";
    refused(list(&shop, json!({"page_token": sealed(0, &other, 23)})).await, "page_token", caller);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_outlive_a_restart_and_keys_are_rotated() {
    let Shop { database, local, client, contract } = shop(&[("tokens.keys", KEY_A)]).await;
    let page = client.call("ListThings", json!({"page_size": 2})).await.expect("a page").json();
    let token_a = page["next_page_token"].as_str().expect("a token").to_owned();
    drop(client);
    local.serving.stop().await.expect("it stops");
    drop(contract);

    let next = |token: &str| json!({"page_size": 1, "page_token": token});
    let Shop { database, local, client, .. } = open(database, &[("tokens.keys", KEY_A)]).await;
    let page = client.call("ListThings", next(&token_a)).await.expect("the same key").json();
    assert_eq!(page["things"][0]["name"], "things/3");
    drop(client);
    local.serving.stop().await.expect("it stops");

    // A new key in front seals, the old one still opens.
    let both = format!("{KEY_B},{KEY_A}");
    let Shop { database, local, client, .. } = open(database, &[("tokens.keys", &both)]).await;
    let page = client.call("ListThings", next(&token_a)).await.expect("the old key opens").json();
    let token_b = page["next_page_token"].as_str().expect("a token").to_owned();
    drop(client);
    local.serving.stop().await.expect("it stops");

    let shop = open(database, &[("tokens.keys", KEY_B)]).await;
    let page = shop.client.call("ListThings", next(&token_b)).await.expect("the new key sealed it").json();
    assert_eq!(page["things"][0]["name"], "things/4");
    refused(list(&shop, next(&token_a)).await, "page_token", FORGED);
}
