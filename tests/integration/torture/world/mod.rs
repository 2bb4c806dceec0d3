//! Keys → the rows that the tables have: what a call must answer is computed here, and no database is asked.

pub mod items;
pub mod listing;
pub mod shelves;
pub mod ships;
pub mod window;

use std::fmt::Write as _;

use serde_json::{Value, json};

use items::{MAKERS, title};
use shelves::Shelves;
use ships::Ships;

/// Rowcall's role, which owns nothing.
pub const READER: &str = "reader";

/// What changes while it is read; the rest never does.
#[derive(Default)]
pub struct World {
    pub shelves: Shelves,
    pub ships: Ships,
}

const TABLES: &str = "
    CREATE ROLE reader LOGIN;
    CREATE ROLE crowd LOGIN;
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader;
    CREATE TABLE maker (maker_id int PRIMARY KEY, title text NOT NULL);
    CREATE TABLE shelf (shelf_id int PRIMARY KEY, version bigint NOT NULL, seal text NOT NULL);
    CREATE TABLE book (
        book_id int PRIMARY KEY, shelf_id int NOT NULL REFERENCES shelf, version bigint NOT NULL, seal text NOT NULL);
    CREATE TABLE entry (
        entry_id int PRIMARY KEY, book_id int NOT NULL REFERENCES book, version bigint NOT NULL, seal text NOT NULL);
    CREATE INDEX ON book (shelf_id);
    CREATE INDEX ON entry (book_id);
    CREATE TABLE ship (ship_id int PRIMARY KEY, port text NOT NULL, starboard text NOT NULL);
    CREATE VIEW seen_maker AS SELECT maker_id, title FROM maker;
";

const FUNCTIONS: &str = "
    CREATE FUNCTION sum_items(low int, high int) RETURNS TABLE (count bigint, total numeric) LANGUAGE sql STABLE AS
        'SELECT count(*), coalesce(sum(amount), 0) FROM item WHERE item_id BETWEEN low AND high';
    CREATE FUNCTION nap(milliseconds int) RETURNS int LANGUAGE sql AS
        'SELECT milliseconds FROM pg_sleep(milliseconds / 1000.0)';
";

/// Tables and rows as they are at first.
pub fn sql() -> String {
    let mut sql = TABLES.to_owned();
    let mut insert = |table: &str, rows: Vec<String>| {
        let _ = write!(sql, "INSERT INTO {table} VALUES {};", rows.join(", "));
    };
    insert("maker", (1..=MAKERS).map(|id| format!("({id}, '{}')", title(id))).collect());
    for table in shelves::TABLES {
        let row = |row: &shelves::Row| row.values(0);
        insert(table, shelves::rows(table).iter().map(row).collect());
    }
    insert("ship", ships::ids().map(ships::values).collect());
    sql + &items::sql() + FUNCTIONS + "ANALYZE;"
}

/// Text that nobody guesses: what is in a row's column, at a version.
pub fn hash(column: &str, key: i32, version: u64) -> String {
    let mut state = version ^ (key as u64) << 32;
    for byte in column.bytes() {
        state = scramble(state ^ u64::from(byte));
    }
    format!("{:016x}", scramble(state))
}

/// The finalizer of SplitMix64.
fn scramble(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The view's rows.
pub fn seen_maker(maker_id: i32) -> Value {
    json!({"maker_id": maker_id, "title": title(maker_id)})
}
