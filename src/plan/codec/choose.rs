//! A column and a field → a codec, or why there is none.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::single::{self, Chosen};
use super::{Codec, FieldCodec, Fit, JsonBinary, Misfit, Packing, Presence, Shape};
use crate::catalog::{Catalog, Oid};
use crate::contract::options;
use crate::plan::resource::Read;
use crate::plan::value::{Class, ValueType};

/// Where a value stands: only a whole column can be cast by the statement that selects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Column,
    Inside,
}

impl FieldCodec {
    /// How a column of this type becomes this field.
    pub fn choose(
        catalog: &Catalog,
        column_type: Oid,
        type_mod: i32,
        field: &FieldDescriptor,
        options: &options::Column,
    ) -> Result<Fit, Misfit> {
        choose(catalog, column_type, type_mod, field, options, Place::Column)
    }
}

pub(super) fn choose(
    catalog: &Catalog,
    column_type: Oid,
    type_mod: i32,
    field: &FieldDescriptor,
    options: &options::Column,
    place: Place,
) -> Result<Fit, Misfit> {
    let column = single::Column { catalog, type_oid: column_type, type_mod, unit: options.unit(), place };
    let value = ValueType::of(catalog, column_type);
    let (shape, read, losses) = if field.is_map() {
        (map(&value, field)?, Read::Binary, Vec::new())
    } else if field.is_list() {
        repeated(&column, &value, field)?
    } else {
        let Chosen { codec, read, losses } = single::choose(&column, &value, &field.kind())?;
        (Shape::One(codec), read, losses)
    };
    let wire_type = match &shape {
        Shape::One(_) | Shape::Array { packing: Packing::Separate, .. } => wire_type(&field.kind()),
        _ => LENGTH_DELIMITED,
    };
    let codec = FieldCodec {
        name: field.name().into(),
        tag: tag(field.number(), wire_type),
        presence: Presence::of(field),
        shape,
    };
    Ok(Fit { codec, read, losses })
}

const LENGTH_DELIMITED: u32 = 2;

pub(super) fn tag(number: u32, wire_type: u32) -> u32 {
    number << 3 | wire_type
}

fn wire_type(kind: &Kind) -> u32 {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => 1,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => 5,
        Kind::String | Kind::Bytes | Kind::Message(_) => LENGTH_DELIMITED,
        _ => 0,
    }
}

fn map(value: &ValueType, field: &FieldDescriptor) -> Result<Shape, Misfit> {
    let entry = match field.kind() {
        Kind::Message(entry) => entry,
        kind => return Err(misfit(value, &kind_name(&kind), "use map<string, string>")),
    };
    let (key, of) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
    let name = format!("map<{}, {}>", kind_name(&key), kind_name(&of));
    if key != Kind::String {
        return Err(misfit(value, &name, "use map<string, …>"));
    }
    let json = |binary| Shape::JsonMap {
        binary,
        parent: field.parent_message().clone(),
        name: field.json_name().into(),
    };
    match &value.class {
        Class::Hstore if of == Kind::String => Ok(Shape::Hstore),
        Class::Hstore => Err(misfit(value, &name, "use map<string, string>")),
        Class::Json => Ok(json(JsonBinary::Json)),
        Class::Jsonb => Ok(json(JsonBinary::Jsonb)),
        _ => Err(misfit(value, &name, &format!("use {}", single::fitting(value)))),
    }
}

fn repeated(
    column: &single::Column<'_>,
    value: &ValueType,
    field: &FieldDescriptor,
) -> Result<(Shape, Read, Vec<String>), Misfit> {
    let kind = field.kind();
    match &value.class {
        Class::Array(element) => {
            // A bound of the array's type says the same of each element.
            let inside = single::Column {
                type_oid: single::element_type(column.catalog, column.type_oid),
                place: Place::Inside,
                ..*column
            };
            let texts =
                element.class == Class::Other && kind == Kind::String && column.place == Place::Column;
            let (chosen, read) = if texts {
                (single::text(column.catalog), Read::Texts)
            } else {
                (single::choose(&inside, element, &kind)?, Read::Binary)
            };
            let packing = if field.is_packed() { Packing::Packed } else { Packing::Separate };
            Ok((Shape::Array { codec: chosen.codec, packing }, read, chosen.losses))
        }
        Class::Multirange(range) => {
            let inside = single::Column {
                type_oid: single::element_type(column.catalog, column.type_oid),
                place: Place::Inside,
                ..*column
            };
            let chosen = single::choose(&inside, range, &kind)?;
            Ok((Shape::Multirange(chosen.codec), Read::Binary, chosen.losses))
        }
        Class::Other if column.place == Place::Column => {
            Err(misfit(value, &format!("repeated {}", kind_name(&kind)), "use string"))
        }
        _ => {
            let name = format!("repeated {}", kind_name(&kind));
            Err(misfit(value, &name, &format!("use {}", single::fitting(value))))
        }
    }
}

/// `is varchar, field is int64: use string`.
pub(super) fn misfit(value: &ValueType, field: &str, advice: &str) -> Misfit {
    Misfit::new(format!("is {}, field is {field}: {advice}", value.name))
}

/// A type as it stands in a contract.
pub(super) fn kind_name(kind: &Kind) -> String {
    match kind {
        Kind::Double => "double".to_owned(),
        Kind::Float => "float".to_owned(),
        Kind::Int32 => "int32".to_owned(),
        Kind::Int64 => "int64".to_owned(),
        Kind::Uint32 => "uint32".to_owned(),
        Kind::Uint64 => "uint64".to_owned(),
        Kind::Sint32 => "sint32".to_owned(),
        Kind::Sint64 => "sint64".to_owned(),
        Kind::Fixed32 => "fixed32".to_owned(),
        Kind::Fixed64 => "fixed64".to_owned(),
        Kind::Sfixed32 => "sfixed32".to_owned(),
        Kind::Sfixed64 => "sfixed64".to_owned(),
        Kind::Bool => "bool".to_owned(),
        Kind::String => "string".to_owned(),
        Kind::Bytes => "bytes".to_owned(),
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(of) => of.full_name().to_owned(),
    }
}

/// The codec of a message whose only field is repeated, for a multirange.
pub(super) fn multirange_message(
    column: &single::Column<'_>,
    value: &ValueType,
    message: &MessageDescriptor,
) -> Result<Chosen, Misfit> {
    let mut fields = message.fields();
    match (fields.next(), fields.next()) {
        (Some(field), None) if field.is_list() => {
            let (shape, read, losses) = repeated(column, value, &field)?;
            let codec = FieldCodec {
                name: field.name().into(),
                tag: tag(field.number(), LENGTH_DELIMITED),
                presence: Presence::Implicit,
                shape,
            };
            Ok(Chosen { codec: Codec::Multirange(codec.into()), read, losses })
        }
        _ => Err(misfit(
            value,
            message.full_name(),
            "use a repeated range message, a message whose only field that is, or string",
        )),
    }
}
