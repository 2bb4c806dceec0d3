//! Shelves, their books and their entries: a writer raises the version of a whole shelf in one transaction.
//!
//! So every answer that shows several rows of a shelf shows one version, and every row's seal is that
//! of its version.

use std::array::from_fn;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::hash;
use super::window::Window;

pub const SHELVES: i32 = 6;
pub const BOOKS: i32 = 5;
pub const ENTRIES: i32 = 4;

/// Parents first.
pub const TABLES: [&str; 3] = ["shelf", "book", "entry"];

#[derive(Default)]
pub struct Shelves([Window; SHELVES as usize]);

/// A row, but for its version.
pub struct Row {
    table: &'static str,
    id: i32,
    parent: Option<i32>,
    shelf: i32,
}

/// Of one version each, as known when a call began.
pub struct Known([u64; SHELVES as usize]);

pub fn books() -> impl Iterator<Item = i32> {
    1..=SHELVES * BOOKS
}

pub fn shelf_of(book_id: i32) -> i32 {
    (book_id - 1) / BOOKS + 1
}

/// All rows of a table.
pub fn rows(table: &str) -> Vec<Row> {
    let parent = |id: i32, each: i32| (id - 1) / each + 1;
    match table {
        "shelf" => (1..=SHELVES).map(|id| Row { table: "shelf", id, parent: None, shelf: id }).collect(),
        "book" => books()
            .map(|id| Row { table: "book", id, parent: Some(shelf_of(id)), shelf: shelf_of(id) })
            .collect(),
        _ => (1..=SHELVES * BOOKS * ENTRIES)
            .map(|id| {
                let book = parent(id, ENTRIES);
                Row { table: "entry", id, parent: Some(book), shelf: shelf_of(book) }
            })
            .collect(),
    }
}

/// One transaction that takes a shelf to a version.
pub fn raise(shelf: i32, version: u64) -> String {
    let mut sql = "BEGIN;".to_owned();
    for table in TABLES {
        let seals = rows(table).into_iter().filter(|row| row.shelf == shelf);
        let seals: Vec<_> = seals.map(|row| format!("({}, '{}')", row.id, row.seal(version))).collect();
        let _ = write!(
            sql,
            "UPDATE {table} SET version = {version}, seal = new.seal FROM (VALUES {}) AS new (id, seal)
             WHERE {table}_id = new.id;",
            seals.join(", ")
        );
    }
    sql + "COMMIT"
}

impl Row {
    fn seal(&self, version: u64) -> String {
        hash(self.table, self.id, version)
    }

    /// As SQL.
    pub fn values(&self, version: u64) -> String {
        let parent = self.parent.map(|parent| format!("{parent}, ")).unwrap_or_default();
        format!("({}, {parent}{version}, '{}')", self.id, self.seal(version))
    }
}

impl Shelves {
    pub fn window(&self, shelf: i32) -> &Window {
        &self.0[shelf as usize - 1]
    }

    pub fn known(&self) -> Known {
        Known(from_fn(|at| self.0[at].committed()))
    }

    /// What a call may answer that began when `known` was known, and has ended now.
    pub fn allowed(&self, known: &Known, shelf: i32) -> RangeInclusive<u64> {
        self.window(shelf).since(known.0[shelf as usize - 1])
    }
}

/// A row of `table` as answered, with `levels` of its children → its version, when all of it has that
/// one and is complete; else what is wrong.
pub fn version(table: &str, id: i32, row: &Value, levels: usize) -> Result<u64, String> {
    // Version 0 is a default, which proto JSON leaves out.
    let version = row["version"].as_str().map_or(Ok(0), str::parse).map_err(|_| "no version".to_owned())?;
    let wrong = |what: &str| Err(format!("{table} {id} at version {version}: {what}"));
    if row[format!("{table}_id")] != id {
        return wrong("another row's key");
    }
    if row["seal"] != hash(table, id, version) {
        return wrong("the seal is not that version's");
    }
    let (children, field, each) = match table {
        "shelf" => ("book", "books", BOOKS),
        "book" => ("entry", "entries", ENTRIES),
        _ => return Ok(version),
    };
    let listed = row[field].as_array().map(Vec::as_slice).unwrap_or_default();
    if listed.len() != if levels == 0 { 0 } else { each as usize } {
        return wrong(&format!("{} {field}", listed.len()));
    }
    for (child, child_id) in listed.iter().zip((id - 1) * each + 1..) {
        if self::version(children, child_id, child, levels - 1)? != version {
            return wrong(&format!("{children} {child_id} has another version"));
        }
    }
    Ok(version)
}
