//! A message and the table it is served from, with every field's source settled.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use prost_reflect::MessageDescriptor;

use super::codec::FieldCodec;
use super::relation::Relation;
use super::value::ValueType;
use crate::catalog::Oid;
use crate::contract::Problem;
use crate::sql::Identifier;

/// Positions in `columns` and `fields` are what the rest of `plan` speaks in.
#[derive(Debug, Clone)]
pub struct Resource {
    pub message: MessageDescriptor,
    /// `google.api.resource.type`, else the message's full name.
    pub kind: String,
    pub table: TableName,
    /// Every column that a field, the key, a relation or soft delete needs.
    pub columns: Vec<Column>,
    /// What identifies a row, in order; empty when nothing does.
    pub key: Vec<usize>,
    /// The row's own names, over the key's columns; the first is the one written.
    pub names: Vec<NamePattern>,
    /// In order of field number.
    pub fields: Vec<Field>,
    /// Field names → positions in `fields`.
    pub by_name: HashMap<Arc<str>, usize>,
    pub relations: Vec<Relation>,
    pub soft_delete: Option<usize>,
    /// Field paths a filter or an order may name; None is all.
    pub filter_fields: Option<BTreeSet<String>>,
    pub order_fields: Option<BTreeSet<String>>,
    /// Why this resource does not serve; empty when it fits.
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableName {
    pub schema: Identifier,
    pub name: Identifier,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub name: Identifier,
    /// The type results have: the column's, a domain's base type.
    pub oid: Oid,
    pub value: ValueType,
    pub nullable: bool,
    /// Equal values are equal bytes; false under a nondeterministic collation.
    pub deterministic: bool,
}

#[derive(Debug, Clone)]
pub struct Field {
    pub name: Arc<str>,
    pub number: u32,
    pub source: Source,
}

/// Where a field comes from.
#[derive(Debug, Clone)]
pub enum Source {
    Column {
        column: usize,
        read: Read,
        codec: Arc<FieldCodec>,
    },
    /// The row's own name: `Resource::names[0]`.
    Name,
    /// Another row's name. The pattern's variables stand for columns of this resource.
    Reference(NamePattern),
    /// A position in `Resource::relations`.
    Relation(usize),
}

/// How a column is selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Read {
    /// As it is: Postgres' binary form.
    Binary,
    /// Cast to text: as Postgres writes it.
    Text,
}

/// `albums/{album}/tracks/{track}`, its variables settled.
#[derive(Debug, Clone)]
pub struct NamePattern {
    pub segments: Vec<NameSegment>,
}

#[derive(Debug, Clone)]
pub enum NameSegment {
    Literal(String),
    /// A column of the resource that holds the name, as a position in its `columns`.
    Variable {
        variable: String,
        column: usize,
    },
}

impl Resource {
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.by_name.get(name).map(|&at| &self.fields[at])
    }
}
