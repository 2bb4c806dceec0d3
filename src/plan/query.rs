//! A bound call's question to one table, ready to be rendered as SQL.

use bytes::Bytes;

use super::Plans;
use super::filter::Predicate;
use super::relation::Link;
use super::resource::{Column, Read};
use crate::sql::Param;

/// One SELECT over one resource.
#[derive(Debug, Clone)]
pub struct Select {
    /// Position in `Plans::resources`.
    pub resource: usize,
    pub outputs: Vec<Output>,
    pub rows: Rows,
    /// Column = value, all of them: parents.
    pub equals: Vec<(usize, Param)>,
    pub filter: Option<Predicate>,
    pub deleted: Deleted,
    /// Total: ends with the key. Empty for lookups by key.
    pub order: Vec<OrderTerm>,
    /// The last row's values of `order`, in Postgres' binary form: go on behind it.
    pub after: Option<Vec<Option<Bytes>>>,
    pub limit: Option<u32>,
    pub skip: u32,
}

/// A column of the result, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Output {
    /// Position in the resource's `columns`.
    Column { column: usize, read: Read },
    /// Position in `Select::order`: its value, for the next position.
    Order(usize),
    /// int8 from 1: which of the keys asked for this row answers.
    Ordinal,
}

/// Which rows are looked at.
#[derive(Debug, Clone)]
pub enum Rows {
    /// The table's.
    All,
    /// Those whose columns equal one of the keys; a row per key that has one. One array
    /// parameter per column, all of one length; `Output::Ordinal` tells the key.
    Keys { columns: Vec<usize>, arrays: Vec<Param> },
    /// As `Keys`, but every row that a key leads to, at most `limit` per key, in
    /// `Select::order`; by way of a table between when there is one.
    /// `near` is the resource of the rows that the keys come from, a position in
    /// `Plans::resources`; the keys are its columns of the link, in the link's order.
    Related { near: usize, link: Link, arrays: Vec<Param>, limit: u32 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deleted {
    Shown,
    Hidden,
}

/// What rows are ordered by: a column, by way of to-one relations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrderTerm {
    /// Positions in `relations`, each of the resource the last one leads to.
    pub path: Vec<usize>,
    /// Position in the `columns` of the resource the path ends at.
    pub column: usize,
    pub direction: Direction,
    /// The column may be NULL, or the path may lead nowhere.
    pub nullable: bool,
}

impl OrderTerm {
    /// The column that the term is about, in an order of `resource`.
    pub fn of<'p>(&self, plans: &'p Plans, resource: usize) -> &'p Column {
        let end = self.path.iter().fold(resource, |at, &step| plans.resources[at].relations[step].target);
        &plans.resources[end].columns[self.column]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// NULLs last, as Postgres has it.
    Ascending,
    /// NULLs first.
    Descending,
}
