//! Resource names in a filter → equality of the columns that the names are made of.

use percent_encoding::percent_decode_str;

use super::lex::Word;
use super::{Inside, Operand, Operator, Predicate, Test, Value, Wrong};
use crate::plan::resource::{NamePattern, NameSegment, Resource};
use crate::sql::Param;

/// `album = "albums/7"`. A row has one of several patterns' names at most.
pub fn equals(
    path: &[usize],
    resource: &Resource,
    patterns: &[NamePattern],
    word: &Word,
) -> Result<Predicate, Wrong> {
    if word.star_first || word.star_last {
        let why = format!("\"{}\" is compared whole: a name has no stars, but for \\*", word.whole());
        return Err(Wrong::new(word.start, why));
    }
    let mut why = "has no names".to_owned();
    for pattern in patterns {
        match columns(resource, pattern, &word.text) {
            Ok(found) => {
                let tests = found.into_iter().map(|(column, operand)| Predicate::Test {
                    value: Value { path: path.to_vec(), column, inside: Inside::Whole },
                    test: Test::Compare(Operator::Equal, operand),
                });
                return Ok(Predicate::All(tests.collect()));
            }
            Err(wrong) => why = wrong,
        }
    }
    Err(Wrong::new(word.start, format!("\"{}\" {why}", word.text)))
}

/// That the name is there: none of its columns is NULL.
pub fn present(path: &[usize], columns: impl Iterator<Item = usize>) -> Predicate {
    let tests = columns.map(|column| Predicate::Test {
        value: Value { path: path.to_vec(), column, inside: Inside::Whole },
        test: Test::Present,
    });
    Predicate::All(tests.collect())
}

pub fn variables(pattern: &NamePattern) -> impl Iterator<Item = usize> {
    pattern.segments.iter().filter_map(|segment| match segment {
        NameSegment::Variable { column, .. } => Some(*column),
        NameSegment::Literal(_) => None,
    })
}

fn columns(resource: &Resource, pattern: &NamePattern, name: &str) -> Result<Vec<(usize, Operand)>, String> {
    let unlike = || format!("is no name like {}", shown(pattern));
    let segments: Vec<&str> = name.split('/').collect();
    if segments.len() != pattern.segments.len() {
        return Err(unlike());
    }
    let mut found = Vec::new();
    for (segment, expected) in segments.into_iter().zip(&pattern.segments) {
        match expected {
            NameSegment::Literal(literal) if literal == segment => {}
            NameSegment::Literal(_) => return Err(unlike()),
            NameSegment::Variable { .. } if segment.is_empty() => return Err(unlike()),
            NameSegment::Variable { column, .. } => {
                let text = percent_decode_str(segment).decode_utf8().map_err(|_| unlike())?;
                let value = &resource.columns[*column].value;
                let bytes = value
                    .canonical(&text)
                    .map_err(|e| format!("is no name like {}: \"{text}\" {}", shown(pattern), e.text))?;
                let param = Param { oid: value.oid, value: Some(bytes) };
                found.push((*column, Operand { param, cast: value.cast.clone() }));
            }
        }
    }
    Ok(found)
}

/// `albums/{album}`.
fn shown(pattern: &NamePattern) -> String {
    let segments: Vec<String> = pattern
        .segments
        .iter()
        .map(|segment| match segment {
            NameSegment::Literal(literal) => literal.clone(),
            NameSegment::Variable { variable, .. } => format!("{{{variable}}}"),
        })
        .collect();
    segments.join("/")
}
