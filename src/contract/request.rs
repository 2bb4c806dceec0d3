//! The request of a standard method → its key fields, or every field that it cannot have.

use std::fmt;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::place::Places;
use super::{Problem, Resource, Role, word};

/// The methods that are known by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standard {
    Get,
    BatchGet,
    List,
    Stream,
}

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Standard::Get => "Get",
            Standard::BatchGet => "BatchGet",
            Standard::List => "List",
            Standard::Stream => "Stream",
        })
    }
}

const MASK: (&str, &str) = ("read_mask", "google.protobuf.FieldMask");

/// The fields a request may have for any resource, with their types.
fn known(standard: Standard) -> Vec<(&'static str, &'static str)> {
    let order = [("filter", "string"), ("order_by", "string"), ("skip", "int32"), ("show_deleted", "bool")];
    match standard {
        Standard::Get | Standard::BatchGet => vec![MASK],
        Standard::List => {
            [("page_size", "int32"), ("page_token", "string"), MASK].into_iter().chain(order).collect()
        }
        Standard::Stream => {
            [("chunk_size", "int32"), ("resume_token", "string"), MASK].into_iter().chain(order).collect()
        }
    }
}

/// Key fields are the scalar fields of a Get that have the name and type of a field of the resource, and those of a List or
/// Stream, where each keeps only the rows equal to it.
pub fn check(
    request: &MessageDescriptor,
    standard: Standard,
    resource: &Resource,
    places: &Places,
) -> (Vec<FieldDescriptor>, Vec<Problem>) {
    let has_name = resource.fields.iter().any(|field| matches!(field.role, Role::Name));
    let has_parent = has_name && resource.patterns.iter().any(|pattern| pattern.parent().is_some());
    let mut fields = known(standard);
    match standard {
        Standard::Get if has_name => fields.push(("name", "string")),
        Standard::BatchGet if has_name => fields.push(("names", "repeated string")),
        _ => {}
    }
    if has_parent && standard != Standard::Get {
        fields.push(("parent", "string"));
    }
    let (mut keys, mut problems) = (Vec::new(), Vec::new());
    let mut reject = |field: &FieldDescriptor, text: String| problems.push(places.problem(field, text));
    for field in request.fields() {
        let kind = word::kind(&field);
        let expected = fields.iter().find(|(name, _)| *name == field.name());
        let same = resource.fields.iter().find(|other| other.descriptor.name() == field.name());
        match (expected, same) {
            (Some((_, expected)), _) if kind != *expected => {
                reject(&field, format!("field is {kind}: use {expected}"))
            }
            (Some(("show_deleted", _)), _) if resource.table.soft_delete.is_empty() => reject(
                &field,
                format!(
                    "asks for deleted rows, but {} has no soft_delete: name its column in (rowcall.v1.table), or leave the field out",
                    resource.message.name()
                ),
            ),
            (Some(_), _) => {}
            (None, _) if standard == Standard::BatchGet && field.name() == "requests" => {
                check_requests(&field, resource, places, &mut reject);
            }
            (None, Some(same))
                if standard != Standard::BatchGet && is_scalar_column(&same.role, &same.descriptor) =>
            {
                let other = word::kind(&same.descriptor);
                if kind != other {
                    let subject = super::place::subject(&same.descriptor);
                    reject(&field, format!("field is {kind}, {subject} is {other}: use {other}"));
                }
                keys.push(field);
            }
            (None, _) => reject(&field, unknown(&field, standard, resource, &fields)),
        }
    }
    if let Some(missing) = missing(request, standard, resource, has_name, &keys) {
        problems.push(places.problem(request, missing));
    }
    (keys, problems)
}

/// The request that a BatchGet repeats is the one a Get takes.
fn check_requests(
    field: &FieldDescriptor,
    resource: &Resource,
    places: &Places,
    reject: &mut impl FnMut(&FieldDescriptor, String),
) {
    let kind = field.kind();
    let Some(get) = kind.as_message().filter(|_| field.is_list()) else {
        return reject(field, format!("field is {}: use repeated of the Get request", word::kind(field)));
    };
    let (_, problems) = check(get, Standard::Get, resource, places);
    if !problems.is_empty() {
        reject(
            field,
            format!(
                "repeats {}, which is no Get request for {}: use that",
                get.name(),
                resource.message.name()
            ),
        );
    }
}

fn unknown(
    field: &FieldDescriptor,
    standard: Standard,
    resource: &Resource,
    fields: &[(&'static str, &'static str)],
) -> String {
    let message = resource.message.name();
    if field.name() == "parent" {
        return format!(
            "has no meaning, because {message} has no pattern with a parent: leave it out, or write such a pattern"
        );
    }
    let mut names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    if standard == Standard::BatchGet {
        names.push("requests");
    }
    names.sort_unstable();
    let columns = match standard {
        Standard::BatchGet => String::new(),
        _ => format!(", and scalar fields of {message}"),
    };
    let hint = crate::nearest::hint(field.name(), names.iter().copied());
    format!("has no meaning in the request of {standard}{hint}: it may have {}{columns}", names.join(", "))
}

fn missing(
    request: &MessageDescriptor,
    standard: Standard,
    resource: &Resource,
    has_name: bool,
    keys: &[FieldDescriptor],
) -> Option<String> {
    let has = |name: &str| request.get_field_by_name(name).is_some();
    let message = resource.message.name();
    match standard {
        Standard::Get if has_name && has("name") && !keys.is_empty() => {
            Some(format!("names a {message} twice, by name and by key fields: keep one"))
        }
        Standard::Get if (has_name && has("name")) || !keys.is_empty() => None,
        Standard::Get if has_name => Some(format!("does not say which {message}: add string name")),
        Standard::Get => {
            Some(format!("does not say which {message}: add the fields of its key, named and typed as there"))
        }
        Standard::BatchGet if has("names") && has("requests") => {
            Some(format!("names each {message} twice, by names and by requests: keep one"))
        }
        Standard::BatchGet if has("requests") || (has_name && has("names")) => None,
        Standard::BatchGet if has_name => {
            Some(format!("does not say which {message}: add repeated string names"))
        }
        Standard::BatchGet => {
            Some(format!("does not say which {message}: add requests, repeated of the Get request"))
        }
        Standard::List | Standard::Stream => None,
    }
}

fn is_scalar_column(role: &Role, field: &FieldDescriptor) -> bool {
    let is_message = matches!(field.kind(), Kind::Message(_));
    matches!(role, Role::Column | Role::Reference(_)) && !field.is_list() && !is_message
}
