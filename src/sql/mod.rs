//! A query → a statement: SQL text with parameters.
//!
//! A value never enters the text, and a name only through `Identifier`.

pub mod identifier;
pub mod statement;

pub use identifier::Identifier;
pub use statement::{Param, Statement};
