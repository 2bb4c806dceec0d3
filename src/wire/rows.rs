//! Rows as they came from Postgres, with the rows of relations beside their parents.

use std::ops::Range;

/// A row's columns in Postgres' binary form; None is NULL.
pub trait Columns {
    fn get(&self, column: usize) -> Option<&[u8]>;
}

/// The rows of one statement, and what the relations of its projection found.
#[derive(Debug, Default)]
pub struct Level<R> {
    pub rows: Vec<R>,
    /// One per `Projection::relations`, in that order.
    pub children: Vec<Children<R>>,
}

/// What one relation found.
#[derive(Debug)]
pub struct Children<R> {
    pub level: Level<R>,
    /// For every parent row, which of `level.rows` are its own; at most one for a to-one relation.
    pub of: Vec<Range<usize>>,
}
