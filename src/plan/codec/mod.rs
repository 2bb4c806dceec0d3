//! A column's type and a field's type → how the one becomes the other, by the type table of the contract.
//!
//! A codec is data, chosen once per load; `wire` walks it for every value without allocating.

mod argument;
mod choose;
mod composite;
#[cfg(test)]
pub(crate) mod fixture;
mod label;
mod single;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use prost_reflect::{FieldDescriptor, MessageDescriptor};

use super::resource::Read;
use super::value::ValueType;
use crate::catalog::Oid;
use crate::contract::options::Unit;

pub use argument::argument;
pub use label::Labels;
pub(in crate::plan) use label::label;

/// How one column's binary value becomes one protobuf field.
#[derive(Debug, Clone)]
pub struct FieldCodec {
    /// The field's name, for paths in errors.
    pub name: Arc<str>,
    /// Field number and wire type, as they precede every value.
    pub tag: u32,
    pub presence: Presence,
    pub shape: Shape,
}

/// Whether a zero value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Zero, false and empty are left out: they read the same as NULL.
    Implicit,
    /// Only NULL is absent.
    Explicit,
}

#[derive(Debug, Clone)]
pub enum Shape {
    One(Codec),
    /// A one-dimensional array without NULLs.
    Array {
        codec: Codec,
        packing: Packing,
    },
    /// One element per range.
    Multirange(Codec),
    /// hstore under `map<string, string>`.
    Hstore(Utf8),
    /// A JSON object under a map, by proto JSON: the field of this message with this JSON name.
    JsonMap {
        binary: JsonBinary,
        parent: MessageDescriptor,
        name: Arc<str>,
    },
}

/// How the elements of a repeated field follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// One length, then the values.
    Packed,
    /// Each with its own tag.
    Separate,
}

/// How one value becomes one protobuf value.
#[derive(Debug, Clone)]
pub enum Codec {
    Bool,
    Integer {
        from: Integer,
        to: IntegerForm,
    },
    /// An integer under a proto enum.
    EnumNumber(Integer),
    Float4 {
        to: RealForm,
    },
    Float8,
    /// numeric under a double.
    NumericDouble,
    /// The bytes are the text.
    Text(Utf8),
    /// A version byte, then the text: jsonb, ltree.
    VersionedText(Utf8),
    /// Written by `ValueType::write`.
    Written(Box<ValueType>),
    /// The bytes are the value: bytea, uuid.
    Bytes,
    Label(Labels),
    Timestamp,
    Date,
    TimeOfDay,
    Interval,
    /// An integer that counts time.
    Count {
        from: Integer,
        unit: Unit,
    },
    Json {
        binary: JsonBinary,
        root: JsonRoot,
    },
    /// A message of the user's, by proto JSON; keys it does not know are left out.
    ProtoJson {
        binary: JsonBinary,
        message: MessageDescriptor,
    },
    Composite(Arc<[Attribute]>),
    Range(Arc<RangeCodec>),
    /// A message whose only field holds the ranges.
    Multirange(Arc<FieldCodec>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integer {
    Int2,
    Int4,
    Int8,
    Oid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegerForm {
    Varint,
    Zigzag,
    Fixed32,
    Fixed64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RealForm {
    Float,
    Double,
}

/// Who answers for text being UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Utf8 {
    /// Postgres: every encoding but SQL_ASCII is converted by it.
    Trusted,
    Checked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonBinary {
    Json,
    Jsonb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonRoot {
    Struct,
    Value,
    ListValue,
}

/// An attribute of a composite and the fields it is served as: mostly one, none if undeclared.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// As declared; a type altered since the load shows by it.
    pub type_oid: Oid,
    pub fields: Vec<FieldCodec>,
}

/// The fields of a range's message that the contract has.
#[derive(Debug, Clone)]
pub struct RangeCodec {
    pub lower: Option<FieldCodec>,
    pub upper: Option<FieldCodec>,
    pub lower_inclusive: Option<Flag>,
    pub upper_inclusive: Option<Flag>,
    pub empty: Option<Flag>,
}

#[derive(Debug, Clone, Copy)]
pub struct Flag {
    pub tag: u32,
    pub presence: Presence,
}

/// A codec, and what it takes and costs.
#[derive(Debug, Clone)]
pub struct Fit {
    pub codec: FieldCodec,
    pub read: Read,
    /// What some values lose on the way, for `check`.
    pub losses: Vec<String>,
}

/// A column and a field that do not go together: what is wrong and what to do, to stand behind the
/// column's name: `is varchar, field is int64: use string`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Misfit {
    pub text: String,
}

impl Misfit {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Misfit { text: text.into() }
    }
}

impl FieldCodec {
    /// What a NULL in the column costs, to stand behind "may be NULL, "; None when the field can be absent.
    pub fn null_loss(&self) -> Option<&'static str> {
        match (self.presence, &self.shape) {
            (Presence::Explicit, _) => None,
            (Presence::Implicit, Shape::One(_)) => {
                Some("which the field cannot tell from its zero value: make the field optional")
            }
            (Presence::Implicit, _) => Some("which the field cannot tell from empty"),
        }
    }
}

impl Presence {
    fn of(field: &FieldDescriptor) -> Self {
        if field.supports_presence() { Presence::Explicit } else { Presence::Implicit }
    }
}
