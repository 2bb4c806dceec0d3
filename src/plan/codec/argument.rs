//! An argument's type and a request field → how its values travel, or why they cannot.

use prost_reflect::{FieldDescriptor, Kind};

use super::choose::{kind_name, misfit};
use super::{FieldCodec, Misfit};
use crate::catalog::{Catalog, Oid};
use crate::contract::options;
use crate::plan::value::{Class, Kind as ValueKind, ValueType};

/// What `ValueType::from_proto` will be able to read. A field that a column could be served as can be
/// an argument too; any integer can, as its value is checked.
pub fn argument(
    catalog: &Catalog,
    type_oid: Oid,
    field: &FieldDescriptor,
    options: &options::Column,
) -> Result<ValueType, Misfit> {
    let value = ValueType::of(catalog, type_oid);
    let kind = field.kind();
    let integers = value.kind() == ValueKind::Integer && is_integer(&kind) && !field.is_list();
    if integers && options.unit() == options::Unit::Unspecified {
        return Ok(value);
    }
    FieldCodec::choose(catalog, type_oid, -1, field, options)?;
    let compound =
        matches!(value.kind(), ValueKind::Array | ValueKind::Range | ValueKind::Composite | ValueKind::Map);
    if compound && kind == Kind::String && !field.is_list() && !field.is_map() {
        // As Postgres writes it, and with all that it reads: bounds, dimensions, white space.
        return Ok(ValueType::text_for(catalog, type_oid));
    }
    // What travels as text comes as text.
    let as_text = match &value.class {
        Class::Other => true,
        Class::Array(element) => element.class == Class::Other,
        _ => false,
    };
    if as_text && kind != Kind::String {
        return Err(misfit(&value, &kind_name(&kind), "use string"));
    }
    Ok(value)
}

fn is_integer(kind: &Kind) -> bool {
    !matches!(
        kind,
        Kind::Double
            | Kind::Float
            | Kind::Bool
            | Kind::String
            | Kind::Bytes
            | Kind::Message(_)
            | Kind::Enum(_)
    )
}
