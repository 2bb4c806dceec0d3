//! What a column's bytes are as a field, and back: `check` for one value, used by all of these.

mod damage;
mod rows;
mod table;

use std::sync::LazyLock;

use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor};

use super::error::Error;
use super::field;
use crate::catalog::Catalog;
use crate::contract;
use crate::plan::codec::fixture::field as declare;
use crate::plan::codec::{FieldCodec, Fit};
use crate::plan::resource::Read;
use crate::plan::value::ValueType;
use crate::plan::value::fixture::{catalog, oid};

static CATALOG: LazyLock<Catalog> = LazyLock::new(catalog);

fn chosen(type_name: &str, declaration: &str) -> (ValueType, FieldDescriptor, Fit) {
    let field = declare(declaration);
    let type_oid = oid(&CATALOG, type_name);
    let fit = FieldCodec::choose(&CATALOG, type_oid, -1, &field, &contract::column(&field));
    (
        ValueType::of(&CATALOG, type_oid),
        field,
        fit.unwrap_or_else(|e| panic!("{type_name} {declaration}: {e}")),
    )
}

/// The column's bytes for a literal: cast where the plan says so.
fn column(value: &ValueType, fit: &Fit, literal: &str) -> Vec<u8> {
    match fit.read {
        Read::Binary => value.parse(literal).unwrap_or_else(|e| panic!("{literal}: {e}")).to_vec(),
        Read::Text | Read::Texts => literal.as_bytes().to_vec(),
    }
}

/// The message as another implementation reads it, as JSON.
fn decoded(
    fit: &Fit,
    field: &FieldDescriptor,
    bytes: Option<&[u8]>,
) -> Result<(DynamicMessage, String), Error> {
    let mut out = Vec::new();
    field::write(&fit.codec, bytes, &mut out).map_err(|fault| fault.of_row("row".into()))?;
    let message = DynamicMessage::decode(field.parent_message().clone(), &out[..]).expect("our bytes decode");
    assert_eq!(message.unknown_fields().count(), 0, "every field is one of the message's");
    let json = serde_json::to_string(&message).expect("what decodes has a JSON form");
    // Of a map's entry prost leaves out what is empty; most others write it, as we do.
    if !json.contains("\"\"") {
        assert_eq!(message.encoded_len(), out.len(), "no byte more than another would write");
    }
    Ok((message, json))
}

/// There, and back as a parameter.
#[track_caller]
fn check(type_name: &str, literal: &str, declaration: &str, expected: &str) {
    let (value, field, fit) = chosen(type_name, declaration);
    let bytes = column(&value, &fit, literal);
    let (message, json) =
        decoded(&fit, &field, Some(&bytes)).unwrap_or_else(|e| panic!("{type_name} {literal}: {e}"));
    let expected = if expected.is_empty() { "{}".to_owned() } else { format!("{{\"f\":{expected}}}") };
    assert_eq!(json, expected, "{type_name} {literal}");

    let unit = contract::column(&field).unit();
    let given = value.from_proto(&message.get_field(&field), &field, unit);
    let given = given.unwrap_or_else(|e| panic!("{type_name} {literal} back: {e}"));
    let (mut there, mut back) = (String::new(), String::new());
    value.format(&value.parse(literal).unwrap(), &mut there);
    match given {
        Some(given) => value.format(&given, &mut back),
        None => back.push_str("NULL"),
    }
    assert_eq!(back, there, "{type_name} {literal} back");
}

/// There only: what comes back is less.
#[track_caller]
fn reads(type_name: &str, literal: &str, declaration: &str, expected: &str) {
    let (value, field, fit) = chosen(type_name, declaration);
    let bytes = column(&value, &fit, literal);
    let (_, json) =
        decoded(&fit, &field, Some(&bytes)).unwrap_or_else(|e| panic!("{type_name} {literal}: {e}"));
    let expected = if expected.is_empty() { "{}".to_owned() } else { format!("{{\"f\":{expected}}}") };
    assert_eq!(json, expected, "{type_name} {literal}");
}

#[track_caller]
fn cannot(type_name: &str, literal: &str, declaration: &str, expected: &str) {
    let (value, field, fit) = chosen(type_name, declaration);
    let bytes = column(&value, &fit, literal);
    let error = decoded(&fit, &field, Some(&bytes)).expect_err(literal);
    let Error::Unrepresentable { field, why, .. } = error else { panic!("{error}") };
    assert_eq!(format!("{field} {why}"), expected);
}
