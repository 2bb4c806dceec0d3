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
}

/// One parameter, as the type's binary `recv` function reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Param {
    /// The type the statement is prepared with.
    pub oid: Oid,
    /// None is NULL.
    pub value: Option<Bytes>,
}
