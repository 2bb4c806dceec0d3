//! Field names as callers write them → fields, and what to say when there is no such field.

use super::Plans;
use super::relation::Cardinality;
use super::resource::{Field, Resource, Source};
use crate::nearest;

/// What is wrong with a path, and at which of its segments.
#[derive(Debug, PartialEq, Eq)]
pub struct Astray {
    pub segment: usize,
    pub description: String,
}

/// A field and the to-one relations that lead to it.
pub struct Found<'p> {
    /// Positions in `relations`, each of the resource the last one leads to.
    pub path: Vec<usize>,
    pub resource: &'p Resource,
    pub field: &'p Field,
    /// How many segments have been used.
    pub used: usize,
}

/// Follows a path through to-one relations, up to its last segment or the first field that is
/// something else.
pub fn follow<'p>(plans: &'p Plans, resource: usize, segments: &[&str]) -> Result<Found<'p>, Astray> {
    let mut resource = &plans.resources[resource];
    let mut path = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let field = resource
            .field(segment)
            .ok_or_else(|| Astray { segment: at, description: unknown(resource, segment) })?;
        let used = at + 1;
        match &field.source {
            Source::Relation(relation) if used < segments.len() => {
                let relation_at = *relation;
                let relation = &resource.relations[relation_at];
                if !matches!(relation.cardinality, Cardinality::One) {
                    return Ok(Found { path, resource, field, used });
                }
                path.push(relation_at);
                resource = &plans.resources[relation.target];
                fits(resource, segment).map_err(|description| Astray { segment: at, description })?;
            }
            _ => return Ok(Found { path, resource, field, used }),
        }
    }
    Err(Astray { segment: 0, description: "a field's name is missing".to_owned() })
}

/// Rows that a relation leads to can be asked about only where they are served.
pub fn fits(target: &Resource, relation: &str) -> Result<(), String> {
    match target.problems.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "\"{relation}\" leads to {}, which does not fit the database: leave it out until it does",
            target.message.name()
        )),
    }
}

/// `no field "lenght" in Track; did you mean "length"?`
pub fn unknown(resource: &Resource, name: &str) -> String {
    let known = resource.fields.iter().map(|field| field.name.as_ref());
    format!("no field \"{name}\" in {}{}", resource.message.name(), nearest::hint(name, known))
}

/// The column, from 1 and in characters, at a byte of a text.
pub fn column_at(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte).count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        assert_eq!(column_at("äöü x", "äöü ".len()), 5);
        assert_eq!(column_at("", 0), 1);
    }
}
