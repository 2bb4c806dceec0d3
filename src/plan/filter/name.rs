//! Resource names in a filter → equality of the columns that the names are made of.

use super::lex::Word;
use super::{Inside, Operand, Operator, Predicate, Test, Value, Wrong};
use crate::plan::name::{settle, written};
use crate::plan::resource::{NamePattern, Resource};
use crate::sql::Param;

/// `album = "albums/7"`. A row has one of several patterns' names at most.
pub fn equals(
    path: &[usize],
    resource: &Resource,
    patterns: &[NamePattern],
    word: &Word,
) -> Result<Predicate, Wrong> {
    let mut why = None;
    for pattern in patterns {
        match settle(resource, pattern, &word.whole()) {
            Some(Ok(settled)) => {
                let tests = settled.into_iter().map(|(column, bytes)| {
                    let of = &resource.columns[column].value;
                    let param = Param { oid: of.oid, value: Some(bytes) };
                    Predicate::Test {
                        value: Value { path: path.to_vec(), column, inside: Inside::Whole },
                        test: Test::Compare(Operator::Equal, Operand { param, cast: of.cast.clone() }),
                    }
                });
                return Ok(Predicate::All(tests.collect()));
            }
            Some(Err(wrong)) => why = why.or(Some(wrong)),
            None => {}
        }
    }
    let shown: Vec<String> = patterns.iter().map(|pattern| written(&pattern.segments)).collect();
    let why = why.map_or(String::new(), |why| format!(": {why}"));
    Err(Wrong::new(word.start, format!("\"{}\" is no name like {}{why}", word.whole(), shown.join(" or "))))
}

/// That the name is there: none of its columns is NULL.
pub fn present(path: &[usize], columns: impl Iterator<Item = usize>) -> Predicate {
    let tests = columns.map(|column| Predicate::Test {
        value: Value { path: path.to_vec(), column, inside: Inside::Whole },
        test: Test::Present,
    });
    Predicate::All(tests.collect())
}
