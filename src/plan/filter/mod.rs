//! An AIP-160 filter over field names → a predicate over columns, its values as parameters.
//!
//! `lex` cuts the text into literals and names, with their places, escapes and stars; the crate
//! `aip-160` says how they belong together; `condition` looks the names up; `test` and its
//! siblings turn a literal into a parameter of the column's type.

mod condition;
mod json;
mod lex;
mod name;
mod pattern;
pub mod predicate;
mod scalar;
mod test;

use aip_160::{FilterError, parse_filter_with_max_depth};

pub use predicate::{Inside, JsonTest, Operand, Operator, Predicate, Test, Value};

use self::condition::Binder;
use self::lex::Source;
use super::path::column_at;
use super::{Plans, Violation};
use crate::contract::options::Reason;

/// How much a filter may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// So long is a filter at most.
    pub bytes_max: usize,
    /// So many comparisons it has at most; every value of `in` is one.
    pub terms_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes_max: 16 << 10, terms_max: 200 }
    }
}

/// So deep parentheses nest at most.
pub const DEPTH_MAX: usize = 32;

const FIELD: &str = "filter";

/// None when the filter says nothing: every row matches.
pub fn bind(
    plans: &Plans,
    resource: usize,
    text: &str,
    limits: &Limits,
) -> Result<Option<Predicate>, Violation> {
    if text.len() > limits.bytes_max {
        let why = format!("has {} bytes; at most {} are allowed", text.len(), limits.bytes_max);
        return Err(refuse(why));
    }
    let wrong = |wrong: Wrong| refuse(wrong.description).at(column_at(text, wrong.byte));
    let source = lex::lex(text).map_err(wrong)?;
    let parsed = parse_filter_with_max_depth(&source.rewritten, DEPTH_MAX)
        .map_err(|error| wrong(unparsed(&source, error)))?;
    match parsed.expression {
        None => Ok(None),
        Some(expression) => {
            Binder::new(plans, resource, &source, limits).bind(&expression).map(Some).map_err(wrong)
        }
    }
}

/// What is wrong with a filter, and at which byte of it.
#[derive(Debug)]
struct Wrong {
    byte: usize,
    description: String,
}

impl Wrong {
    fn new(byte: usize, description: impl Into<String>) -> Self {
        Wrong { byte, description: description.into() }
    }
}

fn unparsed(source: &Source, error: FilterError) -> Wrong {
    match error {
        FilterError::Syntax { offset, message } => {
            // The parser knows the text with literals replaced, so its quotations mean nothing.
            let byte = source.original(offset);
            let why = match message.as_str() {
                "unexpected input" | "expected a value" => match source.text[byte..].chars().next() {
                    Some(c) => format!("'{c}' has no place here"),
                    None => "ends too early".to_owned(),
                },
                "unexpected end of filter" => "ends too early: a value is missing".to_owned(),
                "expected ')'" => "a closing parenthesis is missing".to_owned(),
                message if message.starts_with("unexpected keyword") => {
                    "AND, OR and NOT stand between conditions; quote them to mean the words".to_owned()
                }
                message => message.to_owned(),
            };
            Wrong::new(byte, why)
        }
        FilterError::TooDeep { limit } => {
            Wrong::new(0, format!("parentheses nest deeper than {limit} levels"))
        }
        _ => Wrong::new(0, "is no filter as AIP-160 describes them"),
    }
}

fn refuse(description: String) -> Violation {
    Violation::new(Reason::FilterInvalid, FIELD, description)
}
