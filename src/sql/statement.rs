//! SQL text, its parameters in Postgres' binary form, and the types its result must have.

use std::sync::Arc;

use bytes::Bytes;

use crate::catalog::Oid;

/// What `postgres` runs. Statements of equal text mostly have equal parameter and result types, so
/// that one preparation serves them; where they differ (`a > 5`, `a > 1.5`) it prepares again.
#[derive(Debug, Clone)]
pub struct Statement {
    pub text: Arc<str>,
    pub params: Vec<Param>,
    /// Type OIDs of the result's columns, compared with what Postgres answers on every prepare.
    pub columns: Arc<[Oid]>,
    /// None of what upkeep asks for itself, which is no part of a call.
    pub about: Option<Arc<About>>,
}

/// What statements of one kind are called in metrics and traces: few, and without values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// `db.query.summary`: what is done to what.
    pub summary: String,
    /// `db.collection.name`: the table or function.
    pub collection: String,
}

impl Statement {
    /// One of our own upkeep, without parameters.
    pub fn own(text: impl Into<Arc<str>>, columns: impl Into<Arc<[Oid]>>) -> Self {
        Statement { text: text.into(), params: Vec::new(), columns: columns.into(), about: None }
    }
}

/// One parameter, as the type's binary `recv` function reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Param {
    /// The type the statement is prepared with.
    pub oid: Oid,
    /// None is NULL.
    pub value: Option<Bytes>,
}
