//! `order_by` → the terms rows are ordered by, made total by the key.

use super::open::{self, Set};
use super::path::{Astray, column_at, follow};
use super::query::{Direction, OrderTerm};
use super::relation::Cardinality;
use super::resource::{Resource, Source};
use super::value::{Class, ValueType};
use super::{Plans, Violation};
use crate::contract::options::Reason;

/// So many fields an order names at most.
pub const TERMS_MAX: usize = 32;

/// So long is an order at most.
pub const BYTES_MAX: usize = 4 << 10;

const FIELD: &str = "order_by";

/// The key's columns follow the last term, and run its way: an index over the terms and the key
/// then serves both the order and its reverse.
pub fn bind(plans: &Plans, resource: usize, text: &str) -> Result<Vec<OrderTerm>, Violation> {
    read(plans, resource, text, |resource| resource.order_fields.as_ref())
}

/// An order that the contract gives: what is closed to callers is not closed to it.
pub fn contract(plans: &Plans, resource: usize, text: &str) -> Result<Vec<OrderTerm>, Violation> {
    read(plans, resource, text, |_| None)
}

fn read(plans: &Plans, resource: usize, text: &str, open: Set) -> Result<Vec<OrderTerm>, Violation> {
    if text.len() > BYTES_MAX {
        return Err(refuse(format!("has {} bytes; at most {BYTES_MAX} are allowed", text.len())));
    }
    let mut terms: Vec<OrderTerm> = Vec::new();
    let mut named: Vec<&str> = Vec::new();
    if !text.trim().is_empty() {
        let mut offset = 0;
        for part in text.split(',') {
            let (name, at, direction) = term(text, part, offset)?;
            if named.contains(&name) {
                return Err(refuse(format!("\"{name}\" is named twice")).at(column_at(text, at)));
            }
            named.push(name);
            if named.len() > TERMS_MAX {
                return Err(refuse(format!("names more than {TERMS_MAX} fields")).at(column_at(text, at)));
            }
            let bound = field(plans, resource, name, direction, open).map_err(|astray| {
                let before: usize = name.split('.').take(astray.segment).map(|s| s.len() + 1).sum();
                refuse(astray.description).at(column_at(text, at + before))
            })?;
            extend(&mut terms, bound);
            offset += part.len() + 1;
        }
    }
    let direction = terms.last().map_or(Direction::Ascending, |term| term.direction);
    let own = &plans.resources[resource];
    extend(&mut terms, own.key.iter().map(|&column| column_term(own, Vec::new(), column, direction)));
    Ok(terms)
}

/// `title desc` → the name, the byte it stands at, the direction.
fn term<'t>(text: &str, part: &'t str, offset: usize) -> Result<(&'t str, usize, Direction), Violation> {
    let start = |word: &str| offset + (word.as_ptr() as usize - part.as_ptr() as usize);
    let mut words = part.split_whitespace();
    let Some(name) = words.next() else {
        return Err(refuse("a field's name is missing".to_owned()).at(column_at(text, offset)));
    };
    let direction = match words.next() {
        None | Some("asc") => Direction::Ascending,
        Some("desc") => Direction::Descending,
        Some(other) => {
            let why = format!("after \"{name}\" comes \"asc\", \"desc\" or a comma, not \"{other}\"");
            return Err(refuse(why).at(column_at(text, start(other))));
        }
    };
    match words.next() {
        None => Ok((name, start(name), direction)),
        Some(other) => {
            let why = format!("a comma is missing before \"{other}\"");
            Err(refuse(why).at(column_at(text, start(other))))
        }
    }
}

fn field(
    plans: &Plans,
    resource: usize,
    name: &str,
    direction: Direction,
    open: Set,
) -> Result<Vec<OrderTerm>, Astray> {
    let segments: Vec<&str> = name.split('.').collect();
    let found = follow(plans, resource, &segments)?;
    let astray = |segment: usize, description: String| Err(Astray { segment, description });
    let at = found.used - 1;
    if let Source::Relation(relation) = found.field.source {
        let why = match found.resource.relations[relation].cardinality {
            Cardinality::One => format!("\"{name}\" is another row; name one of its fields"),
            Cardinality::Many { .. } => format!("\"{}\" has many rows, and no order", found.field.name),
        };
        return astray(at, why);
    }
    if found.used < segments.len() {
        return astray(found.used, format!("\"{}\" has no fields to order by", segments[at]));
    }
    open::check(plans, resource, &segments, open, "orders")
        .map_err(|description| Astray { segment: 0, description })?;
    let terms = |columns: Vec<usize>| {
        columns
            .into_iter()
            .map(|column| column_term(found.resource, found.path.clone(), column, direction))
            .collect()
    };
    match &found.field.source {
        Source::Column { column, .. } => {
            let value = &found.resource.columns[*column].value;
            match ordered(value) {
                true => Ok(terms(vec![*column])),
                false => astray(at, format!("\"{name}\" has no order: Postgres has none for {}", value.name)),
            }
        }
        Source::Name => Ok(terms(found.resource.key.clone())),
        Source::Reference(pattern) => Ok(terms(pattern.columns().collect())),
        Source::Relation(_) => astray(at, format!("\"{name}\" is another row; name one of its fields")),
    }
}

fn column_term(resource: &Resource, path: Vec<usize>, column: usize, direction: Direction) -> OrderTerm {
    let nullable = resource.columns[column].nullable || !path.is_empty();
    OrderTerm { path, column, direction, nullable }
}

/// A column that has decided already decides nothing again.
fn extend(terms: &mut Vec<OrderTerm>, more: impl IntoIterator<Item = OrderTerm>) {
    for term in more {
        if !terms.iter().any(|known| known.path == term.path && known.column == term.column) {
            terms.push(term);
        }
    }
}

/// Whether Postgres has an order (a default btree operator class) for a type.
pub fn ordered(value: &ValueType) -> bool {
    // The types of Postgres' own that have none.
    const WITHOUT: [&str; 16] = [
        "aclitem",
        "box",
        "cid",
        "circle",
        "json",
        "jsonpath",
        "line",
        "lseg",
        "path",
        "pg_snapshot",
        "point",
        "polygon",
        "refcursor",
        "txid_snapshot",
        "xid",
        "xml",
    ];
    match &value.class {
        Class::Array(element) => ordered(element),
        Class::Composite(members) => members.iter().all(|member| ordered(&member.value)),
        Class::Json => false,
        Class::Other | Class::Text => !WITHOUT.contains(&value.name.as_ref()),
        _ => true,
    }
}

fn refuse(description: String) -> Violation {
    Violation::new(Reason::OrderInvalid, FIELD, description)
}
