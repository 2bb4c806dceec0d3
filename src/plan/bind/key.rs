//! Get and BatchGet requests → the keys of the rows asked for, in the order asked.

use bytes::Bytes;
use prost_reflect::{FieldDescriptor, Value};

use super::{Failure, Limits, Request};
use crate::call::Hints;
use crate::contract::options::Reason;
use crate::plan::mask::Mask;
use crate::plan::resource::Source;
use crate::plan::{Plans, Projection, Resource, Violation, name};

/// Rows to find by key.
#[derive(Debug)]
pub struct Lookup {
    pub resource: usize,
    pub projection: Projection,
    /// The values of the key's columns, a row each.
    pub keys: Vec<Vec<Bytes>>,
}

/// One row to find by key, and what of it.
#[derive(Debug)]
pub struct Wanted {
    pub mask: Mask,
    /// The values of the key's columns.
    pub key: Vec<Bytes>,
}

impl Lookup {
    pub fn new(plans: &Plans, resource: usize, mask: &Mask, keys: Vec<Vec<Bytes>>) -> Result<Self, Failure> {
        Ok(Lookup { resource, projection: Projection::build(plans, resource, mask)?, keys })
    }
}

pub fn get(plans: &Plans, resource: usize, mut request: Request, hints: &Hints) -> Result<Wanted, Failure> {
    let mask = request.mask(plans, resource, hints);
    let found = key(&plans.resources[resource], &request, "");
    let key = request.keep(found);
    request.accept()?;
    Ok(Wanted { mask, key: key.unwrap_or_default() })
}

/// The mask, too, by which lookups of one shape are known.
pub fn batch_get(
    plans: &Plans,
    resource: usize,
    mut request: Request,
    hints: &Hints,
    limits: &Limits,
) -> Result<(Mask, Lookup), Failure> {
    let mask = request.mask(plans, resource, hints);
    let parent = parent(&plans.resources[resource], &mut request);
    let field = if request.field("names").is_some() { "names" } else { "requests" };
    let asked = match request.value(field) {
        Some(Value::List(asked)) => asked,
        _ => Vec::new(),
    };
    if asked.is_empty() {
        request.refuse(Reason::FieldInvalid, field, "is empty: ask for at least one row");
    }
    if asked.len() > limits.batch_max {
        let text = format!("asks for {} rows: at most {} at once", asked.len(), limits.batch_max);
        request.refuse(Reason::FieldInvalid, field, text);
    }
    request.accept()?;
    let mut keys = Vec::with_capacity(asked.len());
    for (at, one) in asked.into_iter().enumerate() {
        let place = format!("{field}[{at}]");
        let found = match one {
            Value::String(text) => name::bind(&plans.resources[resource], &text, &place),
            Value::Message(one) => key(&plans.resources[resource], &Request::wrap(one), &format!("{place}.")),
            _ => Err(Violation::new(Reason::FieldInvalid, &place, "is neither a name nor a request")),
        };
        let Some(key) = request.keep(found) else { continue };
        if !is_below(&plans.resources[resource], &key, &parent) {
            let text = format!("is not of the parent {:?}", request.text("parent"));
            request.refuse(Reason::NameInvalid, place, text);
        }
        keys.push(key);
    }
    request.accept()?;
    let lookup = Lookup::new(plans, resource, &mask, keys)?;
    Ok((mask, lookup))
}

/// What the parent of a batch settles for all of it (AIP-231); nothing when it is absent.
fn parent(resource: &Resource, request: &mut Request) -> name::Settled {
    let parent = request.text("parent");
    if parent.is_empty() {
        return name::Settled::new();
    }
    let settled = name::parent(resource, &parent, "parent");
    request.keep(settled).unwrap_or_default()
}

fn is_below(resource: &Resource, key: &[Bytes], parent: &name::Settled) -> bool {
    let same = |(column, value): &(usize, Bytes)| {
        let held = resource.key.iter().zip(key).find(|(of, _)| *of == column);
        held.is_none_or(|(_, held)| held == value)
    };
    parent.iter().all(same)
}

/// By `name`, or by the fields that say the key. `within` is the path of the request itself.
fn key(resource: &Resource, request: &Request, within: &str) -> Result<Vec<Bytes>, Violation> {
    if !resource.names.is_empty() && request.field("name").is_some() {
        return name::bind(resource, &request.text("name"), &format!("{within}name"));
    }
    let mut settled = Vec::new();
    for field in request.descriptor().fields().filter(|field| field.name() != "read_mask") {
        let Some(source) = source(resource, &field) else { continue };
        let place = || format!("{within}{}", field.name());
        // A field without presence says its zero value when it is left out.
        if field.supports_presence() && !request.has(&field) {
            return Err(Violation::new(Reason::FieldInvalid, place(), "is missing"));
        }
        settle(resource, source, &field, &request.given(&field), place, &mut settled)?;
    }
    let value = |column: &usize| match settled.iter().find(|(c, _)| c == column) {
        Some((_, Some(bytes))) => Ok(bytes.clone()),
        _ => {
            let why = format!("does not say {}", resource.columns[*column].name.as_str());
            Err(Violation::new(Reason::FieldInvalid, within.trim_end_matches('.'), why))
        }
    };
    resource.key.iter().map(value).collect()
}

/// Where the resource's field of this name comes from, when a value of it settles columns.
pub(super) fn source<'r>(resource: &'r Resource, field: &FieldDescriptor) -> Option<&'r Source> {
    let source = &resource.field(field.name())?.source;
    matches!(source, Source::Column { .. } | Source::Reference(_)).then_some(source)
}

/// The columns that a field of the request settles: its own, or those behind another row's name.
pub(super) fn settle(
    resource: &Resource,
    source: &Source,
    field: &FieldDescriptor,
    given: &Value,
    place: impl Fn() -> String,
    settled: &mut Vec<(usize, Option<Bytes>)>,
) -> Result<(), Violation> {
    match source {
        Source::Column { column, unit, .. } => {
            let value = resource.columns[*column].value.from_proto(given, field, *unit);
            let value =
                value.map_err(|malformed| Violation::new(Reason::FieldInvalid, place(), malformed.text))?;
            settled.push((*column, value));
        }
        Source::Reference(pattern) => {
            let behind = name::reference(resource, pattern, given.as_str().unwrap_or_default())
                .map_err(|why| Violation::new(Reason::NameInvalid, place(), why))?;
            settled.extend(behind.into_iter().map(|(column, bytes)| (column, Some(bytes))));
        }
        Source::Name | Source::Relation(_) => {}
    }
    Ok(())
}
