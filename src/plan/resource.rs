//! A message and the table it is served from, with every field's source settled.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use prost_reflect::MessageDescriptor;
use rustc_hash::FxHashMap;

use super::codec::FieldCodec;
use super::depends::Depends;
use super::projection::{NamePart, WrittenName, encode_segment};
use super::relation::Relation;
use super::value::ValueType;
use crate::catalog::{Oid, Table, TableKind};
use crate::contract::Problem;
use crate::contract::options::Unit;
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
    pub by_name: FxHashMap<Arc<str>, usize>,
    pub relations: Vec<Relation>,
    pub soft_delete: Option<usize>,
    /// Field paths a filter or an order may name; None is all.
    pub filter_fields: Option<BTreeSet<String>>,
    pub order_fields: Option<BTreeSet<String>>,
    /// What its answers depend on, those of relations not included.
    pub depends: Depends,
    /// Why this resource does not serve; empty when it fits.
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    pub schema: Identifier,
    pub name: Identifier,
    pub keep: Keep,
}

/// How a call of several statements makes sure that none of them meets a table written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keep {
    /// LOCK TABLE keeps DDL away, partitions and children included.
    Lock,
    /// The same, and its policies may read tables that no plan knows: looked at afterwards.
    LockAndCheck,
    /// LOCK TABLE cannot, or not all that is behind it: looked at afterwards.
    Check,
}

impl TableName {
    pub fn of(table: &Table) -> Self {
        let keep = match (table.kind, table.readable_whole, table.row_security) {
            (TableKind::Table | TableKind::Partitioned, true, false) => Keep::Lock,
            (TableKind::Table | TableKind::Partitioned, true, true) => Keep::LockAndCheck,
            // LOCK TABLE asks for SELECT on all of a table, and of a view's owner on all of its
            // tables; it refuses what is materialised or foreign.
            (_, false, _) | (TableKind::View | TableKind::MaterializedView | TableKind::Foreign, ..) => {
                Keep::Check
            }
        };
        TableName { schema: Identifier::new(&table.schema), name: Identifier::new(&table.name), keep }
    }
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
        /// What a Duration counts in.
        unit: Unit,
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
    /// Cast to text[]: each element as Postgres writes it.
    Texts,
}

impl Read {
    /// What is selected of an expression.
    pub fn of(self, expression: String) -> String {
        match self {
            Read::Binary => expression,
            Read::Text => format!("{expression}::text"),
            Read::Texts => format!("{expression}::text[]"),
        }
    }

    /// The type of the result, of a column of type `oid`.
    pub fn result(self, oid: Oid) -> Oid {
        match self {
            Read::Binary => oid,
            Read::Text => crate::sql::oid::TEXT,
            Read::Texts => crate::sql::oid::TEXT_ARRAY,
        }
    }
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

impl NamePattern {
    /// The columns behind the variables, in order.
    pub fn columns(&self) -> impl Iterator<Item = usize> {
        self.segments.iter().filter_map(|segment| match segment {
            NameSegment::Variable { column, .. } => Some(*column),
            NameSegment::Literal(_) => None,
        })
    }
}

impl Resource {
    /// False when the database has no table for the message: such a resource never serves.
    pub fn has_table(&self) -> bool {
        !self.table.name.as_str().is_empty()
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.by_name.get(name).map(|&at| &self.fields[at])
    }

    /// A name as the wire writes it; `at` tells which result column a column of ours is in.
    pub fn written_name(&self, pattern: &NamePattern, at: impl Fn(usize) -> usize) -> WrittenName {
        let mut parts = Vec::new();
        let mut literal = String::new();
        for (i, segment) in pattern.segments.iter().enumerate() {
            if i > 0 {
                literal.push('/');
            }
            match segment {
                NameSegment::Literal(text) => literal.push_str(text),
                NameSegment::Variable { column, .. } => {
                    parts.push(NamePart::Literal(std::mem::take(&mut literal)));
                    let value = self.columns[*column].value.clone();
                    parts.push(NamePart::Column { at: at(*column), value });
                }
            }
        }
        if !literal.is_empty() {
            parts.push(NamePart::Literal(literal));
        }
        WrittenName { parts }
    }

    /// A row as errors name it: by its name, else by its key.
    pub fn name_of_key(&self, key: &[Bytes]) -> String {
        let value = |column: usize| {
            let mut text = String::new();
            if let Some(at) = self.key.iter().position(|&k| k == column) {
                self.columns[column].value.format(&key[at], &mut text);
            }
            text
        };
        let Some(pattern) = self.names.first() else {
            let parts = self.key.iter().map(|&c| format!("{}={}", self.columns[c].name.as_str(), value(c)));
            return parts.collect::<Vec<_>>().join(",");
        };
        let mut name = String::new();
        for (i, segment) in pattern.segments.iter().enumerate() {
            if i > 0 {
                name.push('/');
            }
            match segment {
                NameSegment::Literal(text) => name.push_str(text),
                NameSegment::Variable { column, .. } => encode_segment(&value(*column), &mut name),
            }
        }
        name
    }
}
