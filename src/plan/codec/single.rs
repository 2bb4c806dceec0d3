//! One value's type and one field's type, not repeated → the codec between them: the type table itself.

use prost_reflect::{Kind, MessageDescriptor};

use super::choose::{Place, kind_name, misfit, multirange_message};
use super::{Codec, Integer, IntegerForm, JsonBinary, JsonRoot, Labels, Misfit, RealForm, Utf8, composite};
use crate::catalog::{Catalog, Oid, TypeKind};
use crate::contract::options::Unit;
use crate::plan::resource::Read;
use crate::plan::value::{Class, ValueType};

/// What is known of the column, or of the value inside one.
#[derive(Clone, Copy)]
pub(super) struct Column<'a> {
    pub catalog: &'a Catalog,
    pub type_oid: Oid,
    pub type_mod: i32,
    pub unit: Unit,
    pub place: Place,
}

#[derive(Debug)]
pub(super) struct Chosen {
    pub codec: Codec,
    pub read: Read,
    pub losses: Vec<String>,
}

impl From<Codec> for Chosen {
    fn from(codec: Codec) -> Self {
        Chosen { codec, read: Read::Binary, losses: Vec::new() }
    }
}

pub(super) fn choose(column: &Column<'_>, value: &ValueType, kind: &Kind) -> Result<Chosen, Misfit> {
    let no = || Err(misfit(value, &kind_name(kind), &format!("use {}", fitting(value))));
    if column.unit != Unit::Unspecified {
        return counted(column, value, kind);
    }
    match kind {
        Kind::String => return string(column, value),
        Kind::Message(message) => return message_of(column, value, message),
        _ => {}
    }
    let codec = match (&value.class, kind) {
        (Class::Bool, Kind::Bool) => Codec::Bool,
        (Class::Float4, Kind::Float) => Codec::Float4 { to: RealForm::Float },
        (Class::Float4, Kind::Double) => Codec::Float4 { to: RealForm::Double },
        (Class::Float8, Kind::Double) => Codec::Float8,
        (Class::Numeric, Kind::Double) => {
            let losses = match precision(column.type_mod) {
                Some(..=DOUBLE_DIGITS) => Vec::new(),
                _ => vec!["a double keeps 15 digits of a numeric: use string for all of them".to_owned()],
            };
            return Ok(Chosen { losses, ..Codec::NumericDouble.into() });
        }
        (Class::Bytea | Class::Uuid, Kind::Bytes) => Codec::Bytes,
        (Class::Enum(labels), Kind::Enum(of)) => {
            let (labels, losses) = Labels::choose(labels, of);
            return Ok(Chosen { losses, ..Codec::Label(labels).into() });
        }
        (class, kind) => match (integer(class), kind) {
            (Some(from), Kind::Enum(_)) => Codec::EnumNumber(from),
            (Some(from), kind) => match integer_form(from, kind) {
                Some(to) => Codec::Integer { from, to },
                None => return no(),
            },
            (None, _) => return no(),
        },
    };
    Ok(codec.into())
}

/// Decimal digits that a double always keeps.
const DOUBLE_DIGITS: i32 = 15;

/// The precision in a numeric's modifier.
fn precision(type_mod: i32) -> Option<i32> {
    (type_mod >= 4).then(|| (type_mod - 4) >> 16)
}

fn integer(class: &Class) -> Option<Integer> {
    match class {
        Class::Int2 => Some(Integer::Int2),
        Class::Int4 => Some(Integer::Int4),
        Class::Int8 => Some(Integer::Int8),
        Class::Oid => Some(Integer::Oid),
        _ => None,
    }
}

/// Only where every value fits.
fn integer_form(from: Integer, kind: &Kind) -> Option<IntegerForm> {
    let small = matches!(from, Integer::Int2 | Integer::Int4);
    let unsigned = from == Integer::Oid;
    match kind {
        Kind::Int32 if small => Some(IntegerForm::Varint),
        Kind::Sint32 if small => Some(IntegerForm::Zigzag),
        Kind::Sfixed32 if small => Some(IntegerForm::Fixed32),
        Kind::Int64 => Some(IntegerForm::Varint),
        Kind::Sint64 => Some(IntegerForm::Zigzag),
        Kind::Sfixed64 => Some(IntegerForm::Fixed64),
        Kind::Uint32 | Kind::Uint64 if unsigned => Some(IntegerForm::Varint),
        Kind::Fixed32 if unsigned => Some(IntegerForm::Fixed32),
        Kind::Fixed64 if unsigned => Some(IntegerForm::Fixed64),
        _ => None,
    }
}

fn counted(column: &Column<'_>, value: &ValueType, kind: &Kind) -> Result<Chosen, Misfit> {
    let is_duration = matches!(kind, Kind::Message(m) if m.full_name() == DURATION);
    match integer(&value.class) {
        Some(from) if from != Integer::Oid && is_duration => {
            Ok(Codec::Count { from, unit: column.unit }.into())
        }
        Some(_) => Err(misfit(value, &kind_name(kind), "with a unit, use google.protobuf.Duration")),
        None => Err(misfit(value, &kind_name(kind), "only an integer has a unit; leave it out")),
    }
}

/// Any column can be a string.
fn string(column: &Column<'_>, value: &ValueType) -> Result<Chosen, Misfit> {
    let utf8 = utf8(column.catalog);
    let whole = column.place == Place::Column;
    Ok(match &value.class {
        Class::Text | Class::Name | Class::Enum(_) | Class::Json => Codec::Text(utf8).into(),
        Class::Ltree | Class::Jsonb => Codec::VersionedText(utf8).into(),
        Class::Array(_) | Class::Range(_) | Class::Multirange(_) | Class::Composite(_) | Class::Hstore
            if whole =>
        {
            Chosen { read: Read::Text, ..text(column.catalog) }
        }
        Class::Other if whole => Chosen { read: Read::Text, ..text(column.catalog) },
        class if unknown_inside(class) => {
            let text = format!(
                "has a {} inside, whose form is not known here: use string for the whole column",
                value.name
            );
            return Err(Misfit::new(text));
        }
        _ => Codec::Written(Box::new(value.clone())).into(),
    })
}

fn unknown_inside(class: &Class) -> bool {
    match class {
        Class::Other => true,
        Class::Array(element) => unknown_inside(&element.class),
        _ => false,
    }
}

pub(super) fn text(catalog: &Catalog) -> Chosen {
    Codec::Text(utf8(catalog)).into()
}

/// A database in SQL_ASCII stores whatever bytes it was given.
fn utf8(catalog: &Catalog) -> Utf8 {
    if catalog.server.encoding == "SQL_ASCII" { Utf8::Checked } else { Utf8::Trusted }
}

const TIMESTAMP: &str = "google.protobuf.Timestamp";
const DURATION: &str = "google.protobuf.Duration";

fn message_of(column: &Column<'_>, value: &ValueType, message: &MessageDescriptor) -> Result<Chosen, Misfit> {
    let codec = match (&value.class, message.full_name()) {
        (Class::Timestamp | Class::Timestamptz, TIMESTAMP) => Codec::Timestamp,
        (Class::Date, "google.type.Date") => Codec::Date,
        (Class::Time, "google.type.TimeOfDay") => Codec::TimeOfDay,
        (Class::Interval, DURATION) => Codec::Interval,
        (Class::Json, name) => json(JsonBinary::Json, name, message),
        (Class::Jsonb, name) => json(JsonBinary::Jsonb, name, message),
        (Class::Int2 | Class::Int4 | Class::Int8, DURATION) => {
            return Err(misfit(
                value,
                DURATION,
                "say what it counts, as (rowcall.v1.column) = { unit: SECONDS }",
            ));
        }
        (_, name) if name.starts_with("google.protobuf.") || name.starts_with("google.type.") => {
            return Err(misfit(value, name, &format!("use {}", fitting(value))));
        }
        (Class::Range(_), _) => return composite::range(column, value, message),
        (Class::Multirange(_), _) => return multirange_message(column, value, message),
        (_, name) => match column.catalog.base_type(column.type_oid).map(|t| &t.kind) {
            // A composite with a member that travels as text is still readable field by field.
            Some(TypeKind::Composite(attributes)) => {
                return composite::composite(column, attributes, message);
            }
            _ => return Err(misfit(value, name, &format!("use {}", fitting(value)))),
        },
    };
    Ok(codec.into())
}

fn json(binary: JsonBinary, name: &str, message: &MessageDescriptor) -> Codec {
    match name {
        "google.protobuf.Struct" => Codec::Json { binary, root: JsonRoot::Struct },
        "google.protobuf.Value" => Codec::Json { binary, root: JsonRoot::Value },
        "google.protobuf.ListValue" => Codec::Json { binary, root: JsonRoot::ListValue },
        _ => Codec::ProtoJson { binary, message: message.clone() },
    }
}

/// What an array's elements, a multirange's ranges and a range's bounds are, by the catalog.
pub(super) fn element_type(catalog: &Catalog, type_oid: Oid) -> Oid {
    match catalog.base_type(type_oid).map(|t| &t.kind) {
        Some(TypeKind::Array(of) | TypeKind::Range(of) | TypeKind::Multirange(of)) => *of,
        _ => 0,
    }
}

/// The field type to advise.
pub(super) fn fitting(value: &ValueType) -> String {
    match &value.class {
        Class::Bool => "bool",
        Class::Int2 | Class::Int4 => "int32",
        Class::Int8 => "int64",
        Class::Oid => "uint32",
        Class::Float4 => "float",
        Class::Float8 => "double",
        Class::Enum(_) => "string or an enum",
        Class::Bytea => "bytes",
        Class::Uuid => "string or bytes",
        Class::Timestamp | Class::Timestamptz => TIMESTAMP,
        Class::Date => "google.type.Date or string",
        Class::Time => "google.type.TimeOfDay or string",
        Class::Interval => "google.protobuf.Duration or string",
        Class::Json | Class::Jsonb => "google.protobuf.Struct, google.protobuf.Value or string",
        Class::Hstore => "map<string, string>",
        Class::Array(element) => return format!("repeated {}", fitting(element)),
        Class::Range(_) => "a message with lower and upper, or string",
        Class::Multirange(_) => "a repeated message with lower and upper, or string",
        Class::Composite(_) => "a message with its attributes, or string",
        Class::Numeric => "string",
        _ => "string",
    }
    .to_owned()
}
