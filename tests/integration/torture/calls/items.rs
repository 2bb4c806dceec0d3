//! Items: Get, alone and joined, BatchGet, List page by page, a function over them, and what is not there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::ask::Asked;
use super::terms::Terms;
use super::{Caller, TRIES_MAX};
use crate::torture::Torture;
use crate::torture::lines::Line;
use crate::torture::world::items::{self, FIELDS, ITEM_ID_MAX, MAKERS, item, sum};
use crate::torture::world::listing::Listing;
use crate::torture::world::seen_maker;

/// Gets of one burst, on one connection.
const BURST: usize = 16;

/// All but relations.
const PLAIN: &[&str] = FIELDS.split_at(7).0;

/// Which fields a call asks for.
pub struct Mask(Option<Vec<&'static str>>);

impl Mask {
    pub fn draw(dice: &mut StdRng) -> Mask {
        let some = dice.random_bool(0.5);
        let named: Vec<_> = FIELDS.into_iter().filter(|_| dice.random_bool(0.5)).collect();
        Mask((some && !named.is_empty()).then_some(named))
    }

    pub fn add_to(&self, request: &mut Value) {
        if let Some(named) = &self.0 {
            request["read_mask"] = named.join(",").into();
        }
    }

    pub fn fields(&self) -> &[&'static str] {
        self.0.as_deref().unwrap_or(PLAIN)
    }
}

/// Often one that many ask for, sometimes one that is missing.
fn any_key(dice: &mut StdRng) -> i32 {
    match dice.random_bool(0.3) {
        true => dice.random_range(1..10),
        false => dice.random_range(1..=ITEM_ID_MAX + 10),
    }
}

async fn get(torture: Arc<Torture>, line: Line, key: i32, terms: Terms) {
    let request = json!({"item_id": key});
    let asked = torture.ask(&line, "GetItem", &request, terms).await;
    torture.compare("GetItem", &request, asked, item(key).map(|item| item.json(PLAIN)));
}

impl Caller {
    pub(super) async fn get_item(&mut self) {
        let (key, mask) = (any_key(&mut self.dice), Mask::draw(&mut self.dice));
        let mut request = json!({"item_id": key});
        mask.add_to(&mut request);
        let asked = self.ask("GetItem", &request).await;
        self.torture.compare("GetItem", &request, asked, item(key).map(|item| item.json(mask.fields())));
    }

    /// Gets at once, which are joined; some leave while the others wait.
    pub(super) async fn burst(&mut self) {
        let Some(line) = self.line("GetItem").await else { return };
        let gets = (0..BURST).map(|_| {
            let key = any_key(&mut self.dice);
            let leaves = self.dice.random_bool(0.2).then(|| self.dice.random_range(0..20));
            let terms = Terms { leaves: leaves.map(Duration::from_millis), ..Terms::default() };
            get(self.torture.clone(), line.clone(), key, terms)
        });
        join_all(gets.collect::<Vec<_>>()).await;
    }

    pub(super) async fn batch_items(&mut self) {
        let count = self.dice.random_range(1..60);
        // One missing row is the whole batch's failure: only a few batches have one.
        let holes = self.dice.random_bool(0.1);
        let all = items::all();
        let keys: Vec<i32> = (0..count)
            .map(|_| match holes {
                true => any_key(&mut self.dice),
                false => all[self.dice.random_range(0..all.len())].item_id,
            })
            .collect();
        let requests: Vec<Value> = keys.iter().map(|key| json!({"item_id": key})).collect();
        let found: Option<Vec<Value>> = keys.iter().map(|key| Some(item(*key)?.json(PLAIN))).collect();
        let request = json!({"requests": requests});
        let asked = self.ask("BatchGetItems", &request).await;
        let expected = found.map(|items| json!({"items": items}));
        self.torture.compare("BatchGetItems", &request, asked, expected);
    }

    /// Page by page to the end, or some of the way; a page that failed is asked for again.
    pub(super) async fn walk_items(&mut self) {
        let (listing, mask) = (Listing::draw(&mut self.dice), Mask::draw(&mut self.dice));
        let found = listing.found();
        let mut request = json!({"filter": listing.filter.text(), "order_by": listing.order.text()});
        mask.add_to(&mut request);
        let began = Instant::now();
        let (mut at, mut pages) = (0, self.dice.random_range(1..6));
        for _ in 0..TRIES_MAX {
            let size = self.dice.random_range(1..200);
            request["page_size"] = size.into();
            match self.ask_since(Some(began), "ListItems", &request).await {
                Asked::Answer(got) => {
                    let token = got["next_page_token"].clone();
                    let end = found.len().min(at + size);
                    let rows: Vec<Value> =
                        found[at..end].iter().map(|item| item.json(mask.fields())).collect();
                    let mut expected = serde_json::Map::new();
                    if !rows.is_empty() {
                        expected.insert("items".to_owned(), rows.into());
                        expected.insert("total_size".to_owned(), found.len().into());
                    }
                    // Nobody but Rowcall knows the token, but all know whether there is one.
                    if end < found.len() {
                        expected.insert("next_page_token".to_owned(), token.clone());
                    }
                    self.torture.compare("ListItems", &request, Asked::Answer(got), Value::from(expected));
                    (at, pages) = (end, pages - 1);
                    if at == found.len() || pages == 0 || !token.is_string() {
                        return;
                    }
                    request["page_token"] = token;
                }
                Asked::Missing => {
                    return self.torture.wrong("ListItems", &request, "a page", "ROW_MISSING");
                }
                Asked::Expired => return,
                Asked::Nothing if self.torture.stopped() => return,
                Asked::Nothing => self.pause().await,
            }
        }
    }

    pub(super) async fn sum_items(&mut self) {
        let low = self.dice.random_range(1..=ITEM_ID_MAX);
        let high = self.dice.random_range(low..=ITEM_ID_MAX);
        self.exactly("SumItems", &json!({"low": low, "high": high}), sum(low, high)).await;
    }

    /// Through the view.
    pub(super) async fn seen_makers(&mut self) {
        if self.dice.random_bool(0.6) {
            let maker = self.dice.random_range(1..=MAKERS);
            self.exactly("GetSeenMaker", &json!({"maker_id": maker}), seen_maker(maker)).await;
        } else {
            let makers: Vec<Value> = (1..=MAKERS).rev().map(seen_maker).collect();
            let request = json!({"page_size": MAKERS, "order_by": "maker_id desc"});
            self.exactly("ListSeenMakers", &request, json!({"seen_makers": makers})).await;
        }
    }

    /// A statement that takes its time, and is answered.
    pub(super) async fn nap(&mut self) {
        let milliseconds = self.dice.random_range(1..120);
        let nap = json!({"milliseconds": milliseconds});
        self.exactly("Nap", &nap, nap.clone()).await;
    }

    /// A statement that would take very long, but for its caller's leaving.
    pub(super) async fn leave(&mut self) {
        let Some(line) = self.line("Nap").await else { return };
        let leaves = Some(Duration::from_millis(self.dice.random_range(1..150)));
        let request = json!({"milliseconds": 30_000});
        let asked = self.torture.ask(&line, "Nap", &request, Terms { leaves, ..Terms::default() }).await;
        if let Asked::Answer(got) = asked {
            self.torture.wrong("Nap", &request, "nothing so soon", &got.to_string());
        }
    }
}
