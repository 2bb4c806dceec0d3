//! What the introspection statement answers, one JSON value → a `Catalog`.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Attribute, Catalog, Collation, Column, ForeignKey, Index, IndexKey, Oid, Server};
use super::{Table, TableKind, View};

mod function;
mod types;

#[derive(Debug, Deserialize)]
struct Answer {
    server: ServerAnswer,
    tables: Vec<TableAnswer>,
    foreign_keys: Vec<ForeignKeyAnswer>,
    indexes: Vec<IndexAnswer>,
    types: Vec<types::Answer>,
    functions: Vec<function::Answer>,
    views: Vec<ViewAnswer>,
    parents: Vec<ParentAnswer>,
}

#[derive(Debug, Deserialize)]
struct ServerAnswer {
    version: u32,
    encoding: String,
    search_path: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct TableAnswer {
    oid: Oid,
    schema: String,
    name: String,
    kind: char,
    row_security: bool,
    columns: Vec<ColumnAnswer>,
    readable: bool,
}

#[derive(Debug, Deserialize)]
struct ColumnAnswer {
    name: String,
    attnum: i16,
    type_oid: Oid,
    type_mod: i32,
    not_null: bool,
    collation: Option<Collation>,
    comment: Option<String>,
    readable: bool,
}

#[derive(Debug, Deserialize)]
struct ViewAnswer {
    oid: Oid,
    relations: Vec<Oid>,
    steady: bool,
}

#[derive(Debug, Deserialize)]
struct ParentAnswer {
    table_oid: Oid,
    parents: Vec<Oid>,
}

#[derive(Debug, Deserialize)]
struct EstimateAnswer {
    table_oid: Oid,
    rows: f64,
}

#[derive(Debug, Deserialize)]
struct ForeignKeyAnswer {
    table_oid: Oid,
    name: String,
    attnums: Vec<i16>,
    target: Oid,
    target_columns: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct IndexAnswer {
    table_oid: Oid,
    name: String,
    method: String,
    primary_key: bool,
    unique: bool,
    valid: bool,
    partial: bool,
    keys: Vec<IndexKeyAnswer>,
}

#[derive(Debug, Deserialize)]
struct IndexKeyAnswer {
    attnum: i16,
    options: u8,
    own_order: bool,
}

/// Reads an answer. Estimates and the moment change without any DDL, so they stay out of the fingerprint.
pub fn read(mut answer: Value) -> Result<Catalog, serde_json::Error> {
    let estimates = answer.get_mut("estimates").map(Value::take).unwrap_or_default();
    let since = answer.get_mut("since").map(Value::take).unwrap_or_default();
    let fingerprint = fingerprint(&answer);
    let estimates: Vec<EstimateAnswer> = serde_json::from_value(estimates)?;
    let rows: HashMap<Oid, f64> = estimates.into_iter().map(|e| (e.table_oid, e.rows)).collect();
    let answer: Answer = serde_json::from_value(answer)?;

    let types = answer.types.into_iter().map(types::Answer::read).map(|t| (t.oid, t)).collect();
    let server = Server {
        version: answer.server.version,
        encoding: answer.server.encoding,
        search_path: answer.server.search_path,
    };
    let tables = answer.tables.into_iter().filter_map(|t| table(t, &rows)).collect();
    let views = answer.views.into_iter();
    let views = views.map(|v| (v.oid, View { relations: v.relations, steady: v.steady })).collect();
    let parents = answer.parents.into_iter().map(|p| (p.table_oid, p.parents)).collect();
    let (functions, queries) = (Vec::new(), HashMap::new());
    // Without a word on it, all DDL may be later.
    let since = since.as_str().and_then(|since| since.parse().ok()).unwrap_or(0);
    let mut catalog =
        Catalog { server, tables, types, functions, views, parents, queries, fingerprint, since };
    catalog.functions = answer.functions.into_iter().map(|f| f.read(&catalog)).collect();
    inherit_not_null(&mut catalog);
    attach_foreign_keys(&mut catalog, answer.foreign_keys);
    attach_indexes(&mut catalog, answer.indexes);
    Ok(catalog)
}

fn fingerprint(answer: &Value) -> String {
    let digest = Sha256::digest(answer.to_string());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn table(answer: TableAnswer, rows: &HashMap<Oid, f64>) -> Option<Table> {
    let kind = match answer.kind {
        'r' => TableKind::Table,
        'p' => TableKind::Partitioned,
        'v' => TableKind::View,
        'm' => TableKind::MaterializedView,
        'f' => TableKind::Foreign,
        _ => return None,
    };
    let columns: Vec<Column> = answer.columns.into_iter().map(column).collect();
    // Every column may be granted without the table being so.
    let readable = answer.readable || !columns.is_empty() && columns.iter().all(|c| c.readable);
    Some(Table {
        oid: answer.oid,
        schema: answer.schema,
        name: answer.name,
        kind,
        columns,
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
        row_security: answer.row_security,
        rows_estimate: rows.get(&answer.oid).copied().unwrap_or(-1.0),
        readable,
        readable_whole: answer.readable,
    })
}

fn column(answer: ColumnAnswer) -> Column {
    Column {
        name: answer.name,
        attnum: answer.attnum,
        type_oid: answer.type_oid,
        type_mod: answer.type_mod,
        not_null: answer.not_null,
        collation: answer.collation,
        comment: answer.comment,
        readable: answer.readable,
    }
}

/// A column whose domain forbids NULL cannot be NULL in a table.
fn inherit_not_null(catalog: &mut Catalog) {
    let Catalog { tables, types, .. } = catalog;
    for column in tables.iter_mut().flat_map(|t| &mut t.columns) {
        column.not_null |= types::domain_forbids_null(types, column.type_oid);
    }
}

fn attach_foreign_keys(catalog: &mut Catalog, answers: Vec<ForeignKeyAnswer>) {
    for answer in answers {
        let Some(table) = table_mut(catalog, answer.table_oid) else { continue };
        let Some(columns) = answer.attnums.iter().map(|&n| position(table, n)).collect() else { continue };
        table.foreign_keys.push(ForeignKey {
            name: answer.name,
            columns,
            target: answer.target,
            target_columns: answer.target_columns,
        });
    }
}

fn attach_indexes(catalog: &mut Catalog, answers: Vec<IndexAnswer>) {
    for answer in answers {
        let Some(table) = table_mut(catalog, answer.table_oid) else { continue };
        if answer.primary_key {
            table.primary_key = answer.keys.iter().filter_map(|key| position(table, key.attnum)).collect();
        }
        let keys = answer.keys.iter().map(|key| IndexKey {
            column: position(table, key.attnum).filter(|_| key.own_order),
            descending: key.options & 1 != 0,
            nulls_first: key.options & 2 != 0,
        });
        let keys = keys.collect();
        table.indexes.push(Index {
            name: answer.name,
            method: answer.method,
            unique: answer.unique,
            valid: answer.valid,
            partial: answer.partial,
            keys,
        });
    }
}

/// The statement orders tables by OID.
fn table_mut(catalog: &mut Catalog, oid: Oid) -> Option<&mut Table> {
    let position = catalog.tables.binary_search_by_key(&oid, |t| t.oid).ok()?;
    catalog.tables.get_mut(position)
}

/// Where a column stands among those that were not dropped.
fn position(table: &Table, attnum: i16) -> Option<usize> {
    table.columns.iter().position(|c| c.attnum == attnum)
}

#[derive(Debug, Deserialize)]
struct AttributeAnswer {
    name: String,
    type_oid: Oid,
    type_mod: i32,
}

impl From<AttributeAnswer> for Attribute {
    fn from(answer: AttributeAnswer) -> Self {
        Attribute { name: answer.name, type_oid: answer.type_oid, type_mod: answer.type_mod }
    }
}

#[cfg(test)]
mod tests;
