//! A database → a `Catalog`: the only part of it that touches the world.
//!
//! One statement answers everything as one JSON value, so that all of it is of one snapshot.

use serde_json::Value;

use super::{Catalog, answer};

/// Each part is a statement of its own, which can be pasted into psql.
pub const STATEMENT: &str = concat!(
    "SELECT json_build_object('server', (\n",
    include_str!("statements/server.sql"),
    "), 'tables', (\n",
    include_str!("statements/tables.sql"),
    "), 'estimates', (\n",
    include_str!("statements/estimates.sql"),
    "), 'foreign_keys', (\n",
    include_str!("statements/foreign_keys.sql"),
    "), 'indexes', (\n",
    include_str!("statements/indexes.sql"),
    "), 'types', (\n",
    include_str!("statements/types.sql"),
    "), 'functions', (\n",
    include_str!("statements/functions.sql"),
    "))"
);

/// Reads what `STATEMENT` answered.
pub fn read(answer: Value) -> Result<Catalog, serde_json::Error> {
    answer::read(answer)
}
