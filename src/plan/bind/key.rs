//! Get and BatchGet requests → the keys of the rows asked for, in the order asked.

use bytes::Bytes;
use prost_reflect::Value;

use super::{Failure, Limits, Request};
use crate::call::Hints;
use crate::contract::options::Reason;
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

pub fn get(plans: &Plans, resource: usize, mut request: Request, hints: &Hints) -> Result<Lookup, Failure> {
    let mask = request.mask(plans, resource, hints);
    let found = key(&plans.resources[resource], &request, "");
    let key = request.keep(found);
    request.accept()?;
    let projection = Projection::build(plans, resource, &mask)?;
    Ok(Lookup { resource, projection, keys: key.into_iter().collect() })
}

pub fn batch_get(
    plans: &Plans,
    resource: usize,
    mut request: Request,
    hints: &Hints,
    limits: &Limits,
) -> Result<Lookup, Failure> {
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
    let projection = Projection::build(plans, resource, &mask)?;
    Ok(Lookup { resource, projection, keys })
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

/// By `name`, or by one field per key column. `within` is the path of the request itself.
fn key(resource: &Resource, request: &Request, within: &str) -> Result<Vec<Bytes>, Violation> {
    if request.field("name").is_some() && !resource.names.is_empty() {
        return name::bind(resource, &request.text("name"), &format!("{within}name"));
    }
    resource.key.iter().map(|&column| value(resource, column, request, within)).collect()
}

fn value(resource: &Resource, column: usize, request: &Request, within: &str) -> Result<Bytes, Violation> {
    let holds = |source: &Source| matches!(source, Source::Column { column: c, .. } if *c == column);
    let name = resource
        .fields
        .iter()
        .find(|f| holds(&f.source))
        .map_or_else(|| resource.columns[column].name.as_str().to_owned(), |f| f.name.to_string());
    let place = format!("{within}{name}");
    let Some(field) = request.field(&name) else {
        return Err(Violation::new(Reason::FieldInvalid, place, "is not in the request message"));
    };
    let given = request.value(&name).unwrap_or_else(|| Value::default_value_for_field(&field));
    let unit = super::list::unit(resource, &name);
    let value = &resource.columns[column].value;
    match value.from_proto(&given, &field, unit) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(Violation::new(Reason::FieldInvalid, place, "is missing")),
        Err(malformed) => Err(Violation::new(Reason::FieldInvalid, place, malformed.text)),
    }
}
