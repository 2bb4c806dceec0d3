//! A listing and where it goes on → the key and the tags of the answer, the same whoever asks for it.

use bytes::Bytes;

use crate::cache::{Key, Prefix, Tag};
use crate::plan::bind::{Listing, Total};
use crate::plan::depends::Part;
use crate::plan::filter::{Inside, Operand, Operator, Predicate, Test, Value};
use crate::plan::query::Select;
use crate::plan::{Method, Plans, Projection};
use crate::sql::{self, Statement};

/// By the statements that would be run, by what is made of their rows, and by what the token behind them is good for, which is the
/// request's own words.
pub(super) fn key(plans: &Plans, method: &Method, ask: (&Listing, &Select, Total), sealed: &[u8]) -> Key {
    let (listing, select, total) = ask;
    let Statement { text, params, .. } = sql::render(plans, select);
    let mut shown = Vec::new();
    fields(&listing.projection, &mut shown);
    let binding = listing.bound.binding();
    let (scope, purpose) = (binding.scope.bytes(), format!("{:?} {:?}", binding.purpose, binding.deleted));
    let total = format!("{total:?} {}", listing.page);
    let parts: [&[u8]; 12] = [
        b"page",
        plans.digest.as_bytes(),
        method.path.as_bytes(),
        // Answers have tokens in them, which only who has the key can open.
        sealed,
        purpose.as_bytes(),
        binding.parent.as_bytes(),
        binding.filter.as_bytes(),
        binding.order.as_bytes(),
        &scope,
        total.as_bytes(),
        &shown,
        text.as_bytes(),
    ];
    let prefix = parts.iter().fold(Prefix::default(), |prefix, part| prefix.with(part));
    let prefix = params.iter().fold(prefix, |prefix, param| {
        let prefix = prefix.with(&param.oid.to_be_bytes());
        match &param.value {
            // A type's four bytes, or nothing, follow it: no `=`.
            None => prefix,
            Some(value) => prefix.with(b"=").with(value),
        }
    });
    prefix.key()
}

/// Field numbers, those of relations with what is inside of them.
fn fields(projection: &Projection, out: &mut Vec<u8>) {
    for written in &projection.fields {
        out.extend_from_slice(&written.number.to_be_bytes());
    }
    for related in &projection.relations {
        out.extend_from_slice(related.path.as_bytes());
        out.push(b'{');
        fields(&related.projection, out);
        out.push(b'}');
    }
}

/// What the rows of a listing depend on: all rows of the table, or those with the one value of a declared column that the
/// listing asks for.
pub(super) fn tags(plans: &Plans, select: &Select) -> Vec<Tag> {
    let depends = &plans.resources[select.resource].depends;
    let mut fixed = select.equals.iter().filter_map(|(column, param)| Some((*column, param.value.as_ref()?)));
    let by_parent = fixed.find_map(|(column, value)| Some((depends.part(column)?, value.clone())));
    let by_filter = || select.filter.as_ref().and_then(|filter| part(plans, select.resource, filter));
    match by_parent.or_else(by_filter) {
        Some((part, value)) => part.tags(&value).to_vec(),
        None => depends.list_tags().collect(),
    }
}

/// A value that every row the filter keeps has in a declared column.
fn part<'p>(plans: &'p Plans, resource: usize, filter: &Predicate) -> Option<(&'p Part, Bytes)> {
    match filter {
        Predicate::All(all) => all.iter().find_map(|each| part(plans, resource, each)),
        Predicate::Test { value: Value { path, column, inside: Inside::Whole }, test } if path.is_empty() => {
            let Test::Compare(Operator::Equal, Operand { param, cast: None }) = test else { return None };
            let resource = &plans.resources[resource];
            let same = param.oid == resource.columns[*column].value.oid;
            let part = resource.depends.part(*column).filter(|_| same)?;
            Some((part, param.value.clone()?))
        }
        _ => None,
    }
}
