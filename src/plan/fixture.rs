//! For tests: a contract's text and a few tables → plans and the report of what does not fit.

use std::sync::Arc;

use super::value::fixture as types;
use super::{Plans, Report, compile};
use crate::catalog::{
    Argument, Attribute, Catalog, Column, DescribedQuery, ForeignKey, Function, Index, IndexKey, Oid, Table,
    TableKind, Volatility,
};
use crate::contract::{self, Source};

const HEAD: &str = r#"syntax = "proto3";
package shop.v1;
import "google/api/field_behavior.proto";
import "google/api/resource.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "rowcall/v1/options.proto";
"#;

/// A database by hand.
pub struct Database {
    pub catalog: Catalog,
}

impl Database {
    pub fn new() -> Self {
        Database { catalog: types::catalog() }
    }

    /// Columns like `id int8 key, title text, note text null, secret text hidden`.
    pub fn table(mut self, name: &str, columns: &str) -> Self {
        let (columns, key) = self.columns(columns);
        let (schema, name) = name.split_once('.').unwrap_or(("public", name));
        self.catalog.tables.push(Table {
            oid: 50_000 + self.catalog.tables.len() as Oid,
            schema: schema.to_owned(),
            name: name.to_owned(),
            kind: TableKind::Table,
            readable: columns.iter().all(|column| column.readable),
            readable_whole: columns.iter().all(|column| column.readable),
            columns,
            primary_key: key.clone(),
            foreign_keys: Vec::new(),
            indexes: Vec::new(),
            row_security: false,
            rows_estimate: 1_000.0,
        });
        if !key.is_empty() {
            let keys = key.into_iter().map(|column| ascending(Some(column))).collect();
            self.last().indexes.push(btree("pkey", keys, true));
        }
        self
    }

    /// As Postgres tells of a view: no key, and every column may be NULL.
    pub fn view(self, name: &str, columns: &str) -> Self {
        let mut database = self.table(name, columns);
        let view = database.last();
        view.kind = TableKind::View;
        view.primary_key.clear();
        view.indexes.clear();
        view.columns.iter_mut().for_each(|column| column.not_null = false);
        database
    }

    /// An index of the last table, on columns like `a, b desc`.
    pub fn index(self, columns: &str) -> Self {
        self.indexed(columns, false)
    }

    pub fn unique(self, columns: &str) -> Self {
        self.indexed(columns, true)
    }

    /// A foreign key of the last table.
    pub fn references(mut self, name: &str, columns: &[&str], target: &str, target_columns: &[&str]) -> Self {
        let target = self.catalog.table(None, target).expect("the target comes first").oid;
        let table = self.last();
        let columns = columns.iter().map(|name| table.column(name).expect("a column")).collect();
        let target_columns = target_columns.iter().map(|&name| name.to_owned()).collect();
        table.foreign_keys.push(ForeignKey { name: name.to_owned(), columns, target, target_columns });
        self
    }

    /// Arguments like `country text, most int4 default`, the result like `total numeric, n int8`.
    pub fn function(mut self, name: &str, arguments: &str, result: &str) -> Self {
        let argument = |text: &str| {
            let words: Vec<&str> = text.split_whitespace().collect();
            let (name, of) = if words[0] == "_" { ("", words[1]) } else { (words[0], words[1]) };
            let has_default = words.get(2) == Some(&"default");
            let type_oid = types::oid(&self.catalog, of);
            Argument { name: name.to_owned(), type_oid, has_default, variadic: false }
        };
        let arguments = split(arguments).map(argument).collect();
        let columns = self.attributes(result);
        self.catalog.functions.push(Function {
            oid: 60_000,
            schema: "public".to_owned(),
            name: name.to_owned(),
            arguments,
            columns,
            returns_set: true,
            volatility: Volatility::Stable,
            executable: true,
        });
        self
    }

    pub fn query(mut self, path: &str, arguments: &str, columns: &str) -> Self {
        let described = DescribedQuery {
            text: "SELECT $1".to_owned(),
            arguments: self.attributes(arguments),
            columns: self.attributes(columns),
        };
        self.catalog.queries.insert(path.to_owned(), Ok(described));
        self
    }

    pub fn compile(&self, contract: &str) -> (Plans, Report) {
        self.compile_with(contract, &[])
    }

    /// With files of SQL beside the contract.
    pub fn compile_with(&self, contract: &str, files: &[(&str, &str)]) -> (Plans, Report) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shop.proto");
        std::fs::write(&path, format!("{HEAD}{contract}")).expect("a file");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        let contract = contract::load(&Source { paths: vec![folder.path().to_owned()] });
        let contract = contract.unwrap_or_else(|problems| {
            panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        compile(Arc::new(contract), &self.catalog)
    }

    fn indexed(mut self, columns: &str, unique: bool) -> Self {
        let table = self.last();
        let key = |text: &str| {
            let (name, descending) = match text.strip_suffix(" desc") {
                Some(name) => (name, true),
                None => (text, false),
            };
            IndexKey { descending, nulls_first: descending, ..ascending(table.column(name)) }
        };
        let keys = split(columns).map(key).collect();
        table.indexes.push(btree("i", keys, unique));
        self
    }

    fn last(&mut self) -> &mut Table {
        self.catalog.tables.last_mut().expect("a table comes first")
    }

    fn columns(&self, text: &str) -> (Vec<Column>, Vec<usize>) {
        let mut key = Vec::new();
        let column = |(at, text): (usize, &str)| {
            let words: Vec<&str> = text.split_whitespace().collect();
            let says = |word: &str| words[2..].contains(&word);
            if says("key") {
                key.push(at);
            }
            Column {
                name: words[0].to_owned(),
                attnum: at as i16 + 1,
                type_oid: types::oid(&self.catalog, words[1]),
                type_mod: -1,
                not_null: !says("null"),
                collation: None,
                comment: None,
                readable: !says("hidden"),
            }
        };
        let columns = split(text).enumerate().map(column).collect();
        (columns, key)
    }

    fn attributes(&self, text: &str) -> Vec<Attribute> {
        let attribute = |text: &str| {
            let (name, of) = text.split_once(' ').unwrap_or(("", text));
            Attribute { name: name.to_owned(), type_oid: types::oid(&self.catalog, of), type_mod: -1 }
        };
        split(text).map(attribute).collect()
    }
}

/// The resource of a message.
pub fn resource(plans: &Plans, name: &str) -> usize {
    let found = plans.resources.iter().position(|resource| resource.message.name() == name);
    found.unwrap_or_else(|| panic!("no resource {name}"))
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn ascending(column: Option<usize>) -> IndexKey {
    IndexKey { column, descending: false, nulls_first: false }
}

fn btree(name: &str, keys: Vec<IndexKey>, unique: bool) -> Index {
    Index { name: name.to_owned(), method: "btree".to_owned(), unique, valid: true, partial: false, keys }
}
