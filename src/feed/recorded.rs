//! A table that is served → what the triggers on it have to tell of a changed row.

use super::Form;
use crate::catalog::Oid;
use crate::sql::Identifier;

/// What is told of the changed rows of one table; of a partitioned one, the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub table: Oid,
    pub schema: Identifier,
    pub name: Identifier,
    /// Empty when a row has no key with a canonical form: then a change does not say which row.
    pub key: Vec<Told>,
    pub parts: Vec<Told>,
}

/// A column whose values are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub attnum: i16,
    pub name: Identifier,
    pub form: Form,
}
