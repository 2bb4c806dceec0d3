//! Resource names → the key's values, in the key's order (AIP-122).

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::Violation;
use super::resource::{NamePattern, NameSegment, Resource};
use crate::contract::options::Reason;

/// The columns a name settles, each with its value; those given as `-` are left out.
pub type Settled = Vec<(usize, Bytes)>;

/// The values of a name's key columns, in the order of `Resource::key`.
pub fn bind(resource: &Resource, name: &str, field: &str) -> Result<Vec<Bytes>, Violation> {
    let settled = own(resource, name).map_err(|text| Violation::new(Reason::NameInvalid, field, text))?;
    let value = |column: &usize| settled.iter().find(|(c, _)| c == column).map(|(_, v)| v.clone());
    // Compiling made sure that the variables cover the key.
    Ok(resource.key.iter().filter_map(value).collect())
}

/// The columns behind a name of the resource's own.
pub fn own(resource: &Resource, name: &str) -> Result<Settled, String> {
    let patterns: Vec<&[NameSegment]> = resource.names.iter().map(|p| p.segments.as_slice()).collect();
    settle(resource, &patterns, name, Wildcard::Refused)
}

/// The columns of `resource` behind another row's name.
pub fn reference(resource: &Resource, pattern: &NamePattern, name: &str) -> Result<Settled, String> {
    settle(resource, &[pattern.segments.as_slice()], name, Wildcard::Refused)
}

/// A List's `parent`: the pattern without its last collection and id. Where a pattern has no
/// parent, an empty one means all rows.
pub fn parent(resource: &Resource, name: &str, field: &str) -> Result<Settled, Violation> {
    let parents: Vec<&[NameSegment]> = resource.names.iter().filter_map(parent_of).collect();
    if name.is_empty() && parents.len() < resource.names.len() {
        return Ok(Vec::new());
    }
    settle(resource, &parents, name, Wildcard::MeansAll)
        .map_err(|text| Violation::new(Reason::NameInvalid, field, text))
}

/// `albums/{album}` of `albums/{album}/tracks/{track}`; None at the top.
fn parent_of(pattern: &NamePattern) -> Option<&[NameSegment]> {
    let (_, rest) = pattern.segments.split_last()?;
    let (_, rest) = rest.split_last()?;
    (!rest.is_empty()).then_some(rest)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wildcard {
    Refused,
    MeansAll,
}

/// By the first pattern that the name is of.
fn settle(
    resource: &Resource,
    patterns: &[&[NameSegment]],
    name: &str,
    wildcard: Wildcard,
) -> Result<Settled, String> {
    let found = patterns.iter().find_map(|pattern| matches(resource, pattern, name, wildcard));
    found.unwrap_or_else(|| Err(mismatch(patterns, name)))
}

/// None when the name is not of this pattern at all.
fn matches(
    resource: &Resource,
    pattern: &[NameSegment],
    name: &str,
    wildcard: Wildcard,
) -> Option<Result<Settled, String>> {
    let given: Vec<&str> = name.split('/').collect();
    let literal = |(segment, given): (&NameSegment, &&str)| match segment {
        NameSegment::Literal(text) => text == given,
        NameSegment::Variable { .. } => true,
    };
    if given.len() != pattern.len() || !pattern.iter().zip(&given).all(literal) {
        return None;
    }
    let variables = pattern.iter().zip(&given).filter_map(|(segment, given)| match segment {
        NameSegment::Variable { variable, column } if *given != "-" || wildcard == Wildcard::Refused => {
            Some((variable, *column, *given))
        }
        _ => None,
    });
    Some(
        variables
            .map(|(variable, column, given)| Ok((column, value(resource, variable, column, given)?)))
            .collect(),
    )
}

fn value(resource: &Resource, variable: &str, column: usize, given: &str) -> Result<Bytes, String> {
    if given.is_empty() {
        return Err(format!("{{{variable}}} is empty"));
    }
    let decoded = percent_decode_str(given)
        .decode_utf8()
        .map_err(|_| format!("{{{variable}}} does not percent-decode to UTF-8"))?;
    let value = &resource.columns[column].value;
    let bytes =
        value.canonical(&decoded).map_err(|malformed| format!("{{{variable}}} {}", malformed.text))?;
    let mut written = String::new();
    super::projection::encode_segment(&decoded, &mut written);
    if written != given {
        return Err(format!("{{{variable}}} is not in its canonical form: write {written:?}"));
    }
    Ok(bytes)
}

fn mismatch(patterns: &[&[NameSegment]], name: &str) -> String {
    let patterns: Vec<String> = patterns.iter().map(|segments| format!("{:?}", written(segments))).collect();
    match name {
        "" => format!("is empty: give a name like {}", patterns.join(" or ")),
        _ => format!("{name:?} is not of the form {}", patterns.join(" or ")),
    }
}

fn written(segments: &[NameSegment]) -> String {
    let parts: Vec<String> = segments
        .iter()
        .map(|segment| match segment {
            NameSegment::Literal(text) => text.clone(),
            NameSegment::Variable { variable, .. } => format!("{{{variable}}}"),
        })
        .collect();
    parts.join("/")
}
