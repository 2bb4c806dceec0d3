//! Why a request cannot be bound: everything that is wrong with it, at once.

use std::fmt;

use crate::contract::options::Reason;

/// INVALID_ARGUMENT with a violation per field; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub violations: Vec<Violation>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub reason: Reason,
    /// Path in the request message (`filter`, `names[2]`), or a metadata key.
    pub field: String,
    /// What is wrong and what to do, without the field's name.
    pub description: String,
    /// From 1, in characters, where the value is text with a grammar.
    pub column: Option<usize>,
}

impl Violation {
    pub fn new(reason: Reason, field: impl Into<String>, description: impl Into<String>) -> Self {
        Violation { reason, field: field.into(), description: description.into(), column: None }
    }

    pub fn at(mut self, column: usize) -> Self {
        self.column = Some(column);
        self
    }
}

impl From<Violation> for Refusal {
    fn from(violation: Violation) -> Self {
        Refusal { violations: vec![violation] }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, violation) in self.violations.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            f.write_str(&violation.field)?;
            if let Some(column) = violation.column {
                write!(f, ", column {column}")?;
            }
            write!(f, ": {}", violation.description)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
