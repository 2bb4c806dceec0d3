//! `(rowcall.v1.table)` → what it says that its message cannot mean.

use prost_reflect::{Kind, MessageDescriptor};

use super::place::Places;
use super::{Problem, Resource, Role, word};

/// Messages whose inside Postgres knows, not the contract: any path into them may be meant.
const OPEN: [&str; 3] = ["google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"];

pub fn check(resource: &Resource, places: &Places) -> Vec<Problem> {
    let mut texts = Vec::new();
    check_key(resource, &mut texts);
    check_foreign_keys(resource, &mut texts);
    for (option, paths) in
        [("filter_fields", &resource.table.filter_fields), ("order_fields", &resource.table.order_fields)]
    {
        for path in paths {
            if let Err(error) = resolve(&resource.message, path) {
                texts.push(format!("{option} names \"{path}\": {error}"));
            }
        }
    }
    texts.into_iter().map(|text| places.problem(&resource.message, text)).collect()
}

fn check_key(resource: &Resource, texts: &mut Vec<String>) {
    let table = &resource.table;
    if table.key.iter().any(String::is_empty) {
        texts.push("key has an empty column name: leave it out".to_owned());
    }
    for (at, column) in table.key.iter().enumerate() {
        if table.key[..at].contains(column) {
            texts.push(format!("key names the column \"{column}\" twice: name it once"));
        }
    }
    for (at, option) in table.variables.iter().enumerate() {
        let name = option.variable.as_str();
        let mut known = resource.patterns.iter().flat_map(|pattern| pattern.variables());
        if !known.any(|variable| variable == name) {
            texts.push(format!(
                "variables names {{{name}}}, which no pattern has: correct it, or leave it out"
            ));
        } else if option.column.is_empty() {
            texts.push(format!("variables gives {{{name}}} no column: name one"));
        } else if table.variables[..at].iter().any(|other| other.variable == name) {
            texts.push(format!("variables names {{{name}}} twice: name it once"));
        }
    }
    let has_column = resource.fields.iter().any(|field| matches!(field.role, Role::Column | Role::Name));
    if !has_column {
        texts.push("has no field for a column: declare at least the key".to_owned());
    }
}

fn check_foreign_keys(resource: &Resource, texts: &mut Vec<String>) {
    for (at, key) in resource.table.foreign_keys.iter().enumerate() {
        let label = if key.id.is_empty() { format!("{}", at + 1) } else { format!("\"{}\"", key.id) };
        if key.columns.is_empty() {
            texts.push(format!("foreign key {label} has no columns: name this table's"));
        }
        if key.table.is_empty() {
            texts.push(format!("foreign key {label} has no table: name the one it refers to"));
        }
        if !key.target_columns.is_empty() && key.target_columns.len() != key.columns.len() {
            texts.push(format!(
                "foreign key {label} has {} columns and {} target_columns: pair them, or leave target_columns out",
                key.columns.len(),
                key.target_columns.len()
            ));
        }
        if !key.id.is_empty() && resource.table.foreign_keys[..at].iter().any(|other| other.id == key.id) {
            texts.push(format!("foreign key {label} is given twice: give each its own id"));
        }
    }
}

fn resolve(message: &MessageDescriptor, path: &str) -> Result<(), String> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let Some(field) = message.get_field_by_name(name) else {
        let names: Vec<_> = message.fields().map(|field| field.name().to_owned()).collect();
        let hint = crate::nearest::hint(name, names.iter().map(String::as_str));
        return Err(format!("no field \"{name}\" in {}{hint}", message.name()));
    };
    match (rest, field.kind()) {
        (None, _) => Ok(()),
        (Some(_), Kind::Message(inner)) if field.is_map() || OPEN.contains(&inner.full_name()) => Ok(()),
        (Some(rest), Kind::Message(inner)) => resolve(&inner, rest),
        (Some(_), _) => Err(format!("{name} is {} and has no fields", word::kind(&field))),
    }
}
