//! Why a row cannot be encoded: which row, which field, and what to do.

use crate::plan::value::BadBytes;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// VALUE_UNREPRESENTABLE: the stored value has no form in the field's type.
    #[error("{row}: {field}: {why}")]
    Unrepresentable { row: String, field: String, why: String },
    /// ROW_TOO_LARGE: no message holds this row.
    #[error("{row} takes {bytes} bytes, and a message holds {bytes_max}: ask for fewer fields")]
    RowTooLarge { row: String, bytes: usize, bytes_max: usize },
    /// A column's bytes are not of the type the plan was made for.
    #[error("{row}: {field}: the column's bytes are not of the type it had when the plan was made")]
    Malformed { row: String, field: String },
}

/// An error on its way up, before the row's name is known.
#[derive(Debug)]
pub(super) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    /// From the outermost field.
    path: String,
    /// None is Malformed.
    why: Option<String>,
}

impl Fault {
    pub fn unrepresentable(why: impl Into<String>) -> Self {
        Fault(Box::new(Inner { path: String::new(), why: Some(why.into()) }))
    }

    /// The same fault, seen from the message that holds `field`.
    pub fn within(mut self, field: &str) -> Self {
        self.prefix(field);
        self
    }

    /// The same fault, in the element at `index` of a repeated `field`.
    pub fn within_element(mut self, field: &str, index: usize) -> Self {
        self.prefix(&format!("{field}[{index}]"));
        self
    }

    fn prefix(&mut self, field: &str) {
        let inner = &mut self.0;
        inner.path = match inner.path.is_empty() {
            true => field.to_owned(),
            false => format!("{field}.{}", inner.path),
        };
    }

    pub fn of_row(self, row: String) -> Error {
        let Inner { path: field, why } = *self.0;
        match why {
            Some(why) => Error::Unrepresentable { row, field, why },
            None => Error::Malformed { row, field },
        }
    }
}

impl From<BadBytes> for Fault {
    fn from(_: BadBytes) -> Self {
        Fault(Box::new(Inner { path: String::new(), why: None }))
    }
}
