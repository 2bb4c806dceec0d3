//! A value → the bytes by which a change and an answer meet: as Postgres' binary `send` gives it.
//!
//! Only types whose equal values have equal bytes have such a form: not `numeric` (1.0 = 1.00), `float8` (0 = -0), `bpchar`,
//! `citext`, nor text under a nondeterministic collation. A trigger makes the bytes by [`Form::sql`], a call by
//! [`Form::put`] from its binary parameters; a test holds the two side by side.

use sha2::{Digest, Sha256};

use crate::catalog::{self, Catalog, TypeKind};
use crate::plan::value::{Class, ValueType};
use crate::sql::Identifier;

/// How a column's values become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Uuid,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    /// UTF-8.
    Text,
    /// An enum's label, UTF-8.
    Label,
    Bytea,
}

/// Longer texts and byte strings are hashed, so that what a trigger writes stays small.
const BYTES_MAX: usize = 64;

/// In a key of several columns, the length of a value that is NULL.
const NULL: [u8; 4] = [0xff; 4];

impl Form {
    /// None when equal values may have different bytes.
    pub fn of(catalog: &Catalog, column: &catalog::Column) -> Option<Form> {
        let utf8 = catalog.server.encoding == "UTF8";
        let base = catalog.base_type(column.type_oid)?;
        let form = match ValueType::of(catalog, column.type_oid).class {
            Class::Bool => Form::Bool,
            Class::Int2 => Form::Int2,
            Class::Int4 => Form::Int4,
            Class::Int8 => Form::Int8,
            Class::Oid => Form::Oid,
            Class::Uuid => Form::Uuid,
            Class::Date => Form::Date,
            Class::Time => Form::Time,
            Class::Timestamp => Form::Timestamp,
            Class::Timestamptz => Form::Timestamptz,
            Class::Bytea => Form::Bytea,
            Class::Text if matches!(base.oid, 25 | 1043) => Form::Text,
            Class::Enum(_) if matches!(base.kind, TypeKind::Enum(_)) => Form::Label,
            _ => return None,
        };
        // Of any other encoding a conversion may fail, and a writer with it.
        let told = !matches!(form, Form::Text | Form::Label) || utf8;
        let deterministic = column.collation.as_ref().is_none_or(|collation| collation.deterministic);
        (told && deterministic).then_some(form)
    }

    /// The expression that gives a column's bytes; NULL of NULL. Its names mean the same under any `search_path`.
    pub fn sql(self, column: &Identifier) -> String {
        let bytes = match self {
            Form::Bool => return format!("pg_catalog.boolsend({column})"),
            Form::Int2 => return format!("pg_catalog.int2send({column})"),
            Form::Int4 => return format!("pg_catalog.int4send({column})"),
            Form::Int8 => return format!("pg_catalog.int8send({column})"),
            Form::Oid => return format!("pg_catalog.oidsend({column})"),
            Form::Uuid => return format!("pg_catalog.uuid_send({column})"),
            Form::Date => return format!("pg_catalog.date_send({column})"),
            Form::Time => return format!("pg_catalog.time_send({column})"),
            Form::Timestamp => return format!("pg_catalog.timestamp_send({column})"),
            Form::Timestamptz => return format!("pg_catalog.timestamptz_send({column})"),
            Form::Bytea => column.to_string(),
            // `textsend` would speak the writer's encoding.
            Form::Text | Form::Label => format!("pg_catalog.convert_to({column}::pg_catalog.text, 'UTF8')"),
        };
        format!(
            "CASE WHEN pg_catalog.octet_length({bytes}) OPERATOR(pg_catalog.>) {BYTES_MAX} THEN pg_catalog.sha256({bytes}) ELSE {bytes} END"
        )
    }

    /// Appends the bytes of a binary parameter.
    pub fn put(self, value: &[u8], out: &mut Vec<u8>) {
        match self {
            Form::Text | Form::Label | Form::Bytea if value.len() > BYTES_MAX => {
                out.extend_from_slice(&Sha256::digest(value));
            }
            _ => out.extend_from_slice(value),
        }
    }
}

/// A key's expression: of one column its bytes, of several each behind its length.
pub fn key_sql<'a>(columns: impl ExactSizeIterator<Item = (Form, &'a Identifier)>) -> String {
    let alone = columns.len() == 1;
    let part = |(form, column): (Form, &Identifier)| match (alone, form.sql(column)) {
        (true, bytes) => bytes,
        (false, bytes) => format!(
            "coalesce(pg_catalog.int4send(pg_catalog.octet_length({bytes})) OPERATOR(pg_catalog.||) {bytes}, '\\xffffffff')"
        ),
    };
    columns.map(part).collect::<Vec<_>>().join(" OPERATOR(pg_catalog.||) ")
}

/// The same of binary parameters.
pub fn key_bytes<'a>(columns: impl ExactSizeIterator<Item = (Form, Option<&'a [u8]>)>) -> Vec<u8> {
    let (alone, mut out) = (columns.len() == 1, Vec::new());
    for (form, value) in columns {
        let mut bytes = Vec::new();
        match value {
            Some(value) => form.put(value, &mut bytes),
            None if alone => continue,
            None => {
                out.extend_from_slice(&NULL);
                continue;
            }
        }
        if !alone {
            out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        }
        out.extend_from_slice(&bytes);
    }
    out
}
