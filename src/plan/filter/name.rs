//! Resource names in a filter → equality of the columns that the names are made of.

use super::lex::Word;
use super::{Inside, Operand, Operator, Predicate, Test, Value, Wrong};
use crate::plan::name::Settled;
use crate::plan::resource::Resource;
use crate::sql::Param;

/// `album = "albums/7"`: what `settle` finds in the name.
pub fn equals(
    path: &[usize],
    resource: &Resource,
    word: &Word,
    settle: impl FnOnce(&str) -> Result<Settled, String>,
) -> Result<Predicate, Wrong> {
    if word.star_first || word.star_last {
        let why = format!("\"{}\" is compared whole: a name has no stars, but for \\*", word.whole());
        return Err(Wrong::new(word.start, why));
    }
    let settled = settle(&word.text).map_err(|why| Wrong::new(word.start, why))?;
    let tests = settled.into_iter().map(|(column, bytes)| {
        let of = &resource.columns[column].value;
        let param = Param { oid: of.oid, value: Some(bytes) };
        Predicate::Test {
            value: Value { path: path.to_vec(), column, inside: Inside::Whole },
            test: Test::Compare(Operator::Equal, Operand { param, cast: of.cast.clone() }),
        }
    });
    Ok(Predicate::All(tests.collect()))
}

/// That the name is there: none of its columns is NULL.
pub fn present(path: &[usize], columns: impl Iterator<Item = usize>) -> Predicate {
    let tests = columns.map(|column| Predicate::Test {
        value: Value { path: path.to_vec(), column, inside: Inside::Whole },
        test: Test::Present,
    });
    Predicate::All(tests.collect())
}
