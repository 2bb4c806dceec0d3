//! A query → a statement: SQL text with parameters.
//!
//! A value never enters the text, and a name only through `Identifier`. Queries of one shape have
//! one text, so that a prepared statement serves them all.

mod call;
mod condition;
mod count;
mod draft;
mod guard;
pub mod identifier;
mod keyset;
mod lookup;
mod page;
mod scope;
mod select;
pub mod statement;

pub use call::call;
pub use count::{count, estimate};
pub use guard::{Guard, guard};
pub use identifier::Identifier;
pub use select::render;
pub use statement::{About, Param, Statement};

use crate::catalog::Oid;

/// The types that results have besides those of their columns.
pub mod oid {
    use super::Oid;

    pub const BOOL: Oid = 16;
    pub const INT8: Oid = 20;
    pub const TEXT: Oid = 25;
    pub const OID: Oid = 26;
    pub const JSON: Oid = 114;
    pub const TEXT_ARRAY: Oid = 1009;
    pub const JSONB: Oid = 3802;
    pub const NUMERIC: Oid = 1700;
}
