//! A type of the catalog → the class that decides the forms of its values.

use std::sync::Arc;

use super::ValueType;
use crate::catalog::{Catalog, Oid, Type, TypeKind};
use crate::sql::Identifier;

pub(super) const TEXT: Oid = 25;
pub(super) const TEXT_ARRAY: Oid = 1009;

/// Types within types go no deeper; Postgres allows none within itself.
const NESTING_MAX: usize = 32;

/// What a type's binary and text forms are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    /// text, varchar, bpchar, citext, xml: the bytes are the text.
    Text,
    /// The same, of at most 63 bytes.
    Name,
    /// A version byte, then the text.
    Ltree,
    /// The labels, in sort order; the bytes are one of them.
    Enum(Arc<[String]>),
    Bytea,
    Uuid,
    Inet,
    Cidr,
    Macaddr,
    Timestamp,
    Timestamptz,
    Date,
    Time,
    Interval,
    Json,
    Jsonb,
    Hstore,
    Array(Arc<ValueType>),
    /// Over this type.
    Range(Arc<ValueType>),
    /// Of this range.
    Multirange(Arc<ValueType>),
    Composite(Arc<[Member]>),
    /// Travels as text, which Postgres casts.
    Other,
}

/// An attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    /// As declared, domains included: `record_recv` insists on it.
    pub type_oid: Oid,
    pub value: ValueType,
}

/// What filters and orders tell types apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Bool,
    Integer,
    Float,
    Numeric,
    Text,
    Enum,
    Bytes,
    Timestamp,
    Date,
    Time,
    Interval,
    Json,
    Array,
    Range,
    Composite,
    Map,
    Uuid,
    Inet,
    Other,
}

impl Class {
    pub fn kind(&self) -> Kind {
        match self {
            Class::Bool => Kind::Bool,
            Class::Int2 | Class::Int4 | Class::Int8 | Class::Oid => Kind::Integer,
            Class::Float4 | Class::Float8 => Kind::Float,
            Class::Numeric => Kind::Numeric,
            Class::Text | Class::Name | Class::Ltree => Kind::Text,
            Class::Enum(_) => Kind::Enum,
            Class::Bytea => Kind::Bytes,
            Class::Uuid => Kind::Uuid,
            Class::Inet | Class::Cidr | Class::Macaddr => Kind::Inet,
            Class::Timestamp | Class::Timestamptz => Kind::Timestamp,
            Class::Date => Kind::Date,
            Class::Time => Kind::Time,
            Class::Interval => Kind::Interval,
            Class::Json | Class::Jsonb => Kind::Json,
            Class::Hstore => Kind::Map,
            Class::Array(_) => Kind::Array,
            Class::Range(_) | Class::Multirange(_) => Kind::Range,
            Class::Composite(_) => Kind::Composite,
            Class::Other => Kind::Other,
        }
    }
}

pub(super) fn of(catalog: &Catalog, type_oid: Oid, depth: usize) -> ValueType {
    let Some(base) = catalog.base_type(type_oid).filter(|_| depth < NESTING_MAX) else {
        return as_text(Arc::from("unknown"), None);
    };
    let nested = |oid: Oid| of(catalog, oid, depth + 1);
    let name: Arc<str> = Arc::from(type_name(catalog, base));
    let quoted = || quoted(base);
    let binary = |class: Class| ValueType {
        oid: base.oid,
        array_oid: base.array_oid,
        cast: None,
        name: name.clone(),
        class,
    };
    match &base.kind {
        TypeKind::Enum(labels) => binary(Class::Enum(labels.as_slice().into())),
        TypeKind::Array(element) => {
            let element = Arc::new(nested(*element));
            let direct = catalog.types.get(&element.oid).is_some_and(|t| t.array_oid == base.oid);
            ValueType {
                oid: if direct { base.oid } else { element.array_oid },
                array_oid: 0,
                cast: (!direct).then(quoted),
                name,
                class: Class::Array(element),
            }
        }
        TypeKind::Range(element) => match nested(*element) {
            element if element.class == Class::Other => as_text(name, Some(quoted())),
            element => binary(Class::Range(Arc::new(element))),
        },
        TypeKind::Multirange(range) => match nested(*range) {
            range if range.class == Class::Other => as_text(name, Some(quoted())),
            range => binary(Class::Multirange(Arc::new(range))),
        },
        TypeKind::Composite(attributes) => {
            let members: Arc<[Member]> = attributes
                .iter()
                .map(|a| Member { name: a.name.clone(), type_oid: a.type_oid, value: nested(a.type_oid) })
                .collect();
            // A member whose binary form we do not write makes the whole travel as text.
            if members.iter().any(|m| m.value.cast.is_some()) {
                return as_text(name, Some(quoted()));
            }
            binary(Class::Composite(members))
        }
        TypeKind::Base => match base_class(base) {
            Class::Other => as_text(name, Some(quoted())),
            class => binary(class),
        },
        TypeKind::Domain { .. } | TypeKind::Pseudo => as_text(name, None),
    }
}

pub(super) fn text_for(catalog: &Catalog, type_oid: Oid) -> ValueType {
    match catalog.base_type(type_oid) {
        Some(base) => as_text(Arc::from(type_name(catalog, base)), Some(quoted(base))),
        None => as_text(Arc::from("unknown"), None),
    }
}

fn quoted(of: &Type) -> String {
    format!("{}.{}", Identifier::new(&of.schema), Identifier::new(&of.name))
}

fn as_text(name: Arc<str>, cast: Option<String>) -> ValueType {
    ValueType { oid: TEXT, array_oid: TEXT_ARRAY, cast, name, class: Class::Other }
}

/// As people write it: `int4[]`, not `_int4`.
pub(crate) fn type_name(catalog: &Catalog, found: &Type) -> String {
    match &found.kind {
        TypeKind::Array(element) => match catalog.types.get(element) {
            Some(element) => format!("{}[]", type_name(catalog, element)),
            None => found.name.clone(),
        },
        _ => found.name.clone(),
    }
}

fn base_class(base: &Type) -> Class {
    match base.oid {
        16 => Class::Bool,
        17 => Class::Bytea,
        19 => Class::Name,
        20 => Class::Int8,
        21 => Class::Int2,
        23 => Class::Int4,
        25 | 142 | 1042 | 1043 => Class::Text,
        26 => Class::Oid,
        114 => Class::Json,
        650 => Class::Cidr,
        700 => Class::Float4,
        701 => Class::Float8,
        829 => Class::Macaddr,
        869 => Class::Inet,
        1082 => Class::Date,
        1083 => Class::Time,
        1114 => Class::Timestamp,
        1184 => Class::Timestamptz,
        1186 => Class::Interval,
        1700 => Class::Numeric,
        2950 => Class::Uuid,
        3802 => Class::Jsonb,
        // Extensions give their types other OIDs in every database.
        16_384.. => match base.name.as_str() {
            "citext" => Class::Text,
            "hstore" => Class::Hstore,
            "ltree" => Class::Ltree,
            _ => Class::Other,
        },
        _ => Class::Other,
    }
}
