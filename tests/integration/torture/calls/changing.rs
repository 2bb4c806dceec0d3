//! Shelves, books and ships, which change while they are read: one call shows one moment, and none before
//! what was written when it began.

use std::collections::BTreeMap;

use rand::RngExt as _;
use serde_json::{Value, json};

use super::Caller;
use crate::torture::world::World;
use crate::torture::world::shelves::{self, BOOKS, Known, SHELVES, shelf_of};
use crate::torture::world::ships;

/// By how many levels of relations are asked for.
const SHELF_MASKS: [&str; 3] =
    ["shelf_id,version,seal", "shelf_id,version,seal,books", "shelf_id,version,seal,books,books.entries"];
pub const BOOK_MASKS: [&str; 2] = ["book_id,version,seal", "book_id,version,seal,entries"];

impl Caller {
    pub(super) async fn get_shelf(&mut self) {
        let (shelf, levels) = (self.dice.random_range(1..=SHELVES), self.dice.random_range(0..=2));
        let request = json!({"shelf_id": shelf, "read_mask": SHELF_MASKS[levels]});
        let known = self.torture.world.shelves.known();
        let asked = self.ask("GetShelf", &request).await;
        self.torture.judge("GetShelf", &request, asked, |world, got| {
            let version = shelves::version("shelf", shelf, got, levels)?;
            let allowed = world.shelves.allowed(&known, shelf);
            allowed.contains(&version).then_some(()).ok_or(format!("version {version}, not in {allowed:?}"))
        });
    }

    /// All of a shelf.
    pub(super) async fn list_books(&mut self) {
        let (shelf, levels) = (self.dice.random_range(1..=SHELVES), self.dice.random_range(0..=1));
        let filter = format!("shelf_id = {shelf}");
        let request = json!({"filter": filter, "page_size": BOOKS, "read_mask": BOOK_MASKS[levels]});
        let known = self.torture.world.shelves.known();
        let asked = self.ask("ListBooks", &request).await;
        let keys: Vec<i32> = shelves::books().filter(|book| shelf_of(*book) == shelf).collect();
        self.torture.judge("ListBooks", &request, asked, |world, got| {
            books(world, &known, &keys, &got["books"], levels)
        });
    }

    pub(super) async fn batch_books(&mut self) {
        let count = self.dice.random_range(1..20);
        let keys: Vec<i32> = (0..count).map(|_| self.dice.random_range(1..=SHELVES * BOOKS)).collect();
        let requests: Vec<Value> = keys.iter().map(|key| json!({"book_id": key})).collect();
        let request = json!({"requests": requests});
        let known = self.torture.world.shelves.known();
        let asked = self.ask("BatchGetBooks", &request).await;
        self.torture.judge("BatchGetBooks", &request, asked, |world, got| {
            books(world, &known, &keys, &got["books"], 0)
        });
    }

    pub(super) async fn ships(&mut self) {
        let known = self.torture.world.ships.swaps.committed();
        let (method, request, keys) = match self.dice.random_bool(0.5) {
            true => {
                let ship = self.dice.random_range(1..=ships::SHIPS);
                ("GetShip", json!({"ship_id": ship}), vec![ship])
            }
            false => ("ListShips", json!({"page_size": 1_000}), ships::ids().collect()),
        };
        let asked = self.ask(method, &request).await;
        self.torture.judge(method, &request, asked, |world, got| {
            let mut allowed = world.ships.swaps.since(known);
            let as_of = |swaps| {
                let mut ships = keys.iter().map(|ship| ships::json(*ship, swaps));
                match method {
                    "GetShip" => ships.next().unwrap_or_default(),
                    _ => json!({"ships": ships.collect::<Vec<_>>()}),
                }
            };
            allowed
                .any(|swaps| as_of(swaps) == *got)
                .then_some(())
                .ok_or("sides of another moment".to_owned())
        });
    }
}

/// Whether these are the books with these keys, those of a shelf at one version that may be seen.
pub fn books(world: &World, known: &Known, keys: &[i32], got: &Value, levels: usize) -> Result<(), String> {
    let rows = got.as_array().map(Vec::as_slice).unwrap_or_default();
    if rows.len() != keys.len() {
        return Err(format!("{} books instead of {}", rows.len(), keys.len()));
    }
    let mut versions = BTreeMap::new();
    for (row, key) in rows.iter().zip(keys) {
        let version = shelves::version("book", *key, row, levels)?;
        if *versions.entry(shelf_of(*key)).or_insert(version) != version {
            return Err(format!("book {key} has another version than others of its shelf"));
        }
    }
    for (shelf, version) in versions {
        let allowed = world.shelves.allowed(known, shelf);
        if !allowed.contains(&version) {
            return Err(format!("shelf {shelf} has version {version}, not in {allowed:?}"));
        }
    }
    Ok(())
}
