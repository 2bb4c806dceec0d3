//! A promised message and its table → a resource: columns, key, names and fields.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Report, either, fields, problem};
use crate::catalog::{self, Catalog, Table, TableKind};
use crate::contract::{self, Contract, Problem};
use crate::nearest;
use crate::plan::resource::{Column, Field, Keep, TableName};
use crate::plan::value::ValueType;
use crate::plan::{Depends, Resource};
use crate::sql::Identifier;

/// A resource under construction, with what it is made from at hand.
pub(super) struct Draft<'a> {
    pub promised: &'a contract::Resource,
    pub contract: &'a Contract,
    pub catalog: &'a Catalog,
    pub table: &'a Table,
    pub columns: Vec<Column>,
    pub problems: Vec<Problem>,
    pub losses: Vec<Problem>,
}

pub(super) fn compile(
    promised: &contract::Resource,
    contract: &Contract,
    catalog: &Catalog,
    report: &mut Report,
) -> Resource {
    let table = match find_table(promised, catalog) {
        Ok(table) => table,
        Err(unfit) => {
            report.problems.push(unfit.clone());
            return absent(promised, unfit);
        }
    };
    let mut draft = Draft {
        promised,
        contract,
        catalog,
        table,
        columns: Vec::new(),
        problems: Vec::new(),
        losses: Vec::new(),
    };
    let key = draft.key();
    let names = draft.names(&key);
    let fields = fields::compile(&mut draft, &names);
    let soft_delete = draft.soft_delete();
    let Draft { columns, problems, losses, .. } = draft;
    report.problems.extend(problems.iter().cloned());
    report.losses.extend(losses);
    Resource {
        message: promised.message.clone(),
        kind: kind(promised),
        table: TableName::of(table),
        columns,
        key,
        names,
        by_name: by_name(&fields),
        fields,
        relations: Vec::new(),
        soft_delete,
        filter_fields: closed(&promised.table.filter_fields),
        order_fields: closed(&promised.table.order_fields),
        depends: Depends::default(),
        problems,
    }
}

fn kind(promised: &contract::Resource) -> String {
    promised.kind.clone().unwrap_or_else(|| promised.message.full_name().to_owned())
}

fn by_name(fields: &[Field]) -> FxHashMap<Arc<str>, usize> {
    fields.iter().enumerate().map(|(at, field)| (field.name.clone(), at)).collect()
}

fn closed(paths: &[String]) -> Option<BTreeSet<String>> {
    (!paths.is_empty()).then(|| paths.iter().cloned().collect())
}

fn find_table<'a>(promised: &contract::Resource, catalog: &'a Catalog) -> Result<&'a Table, Problem> {
    let schema = Some(promised.table.schema.as_str()).filter(|s| !s.is_empty());
    let given = Some(promised.table.name.clone()).filter(|n| !n.is_empty());
    let names: Vec<String> = given.clone().map_or_else(|| promised.table_names.clone(), |name| vec![name]);
    if let Some(table) = names.iter().find_map(|name| catalog.table(schema, name)) {
        return Ok(table);
    }
    let place = match schema {
        Some(schema) => format!("in schema {schema:?}"),
        None => format!("in the search path ({})", catalog.server.search_path.join(", ")),
    };
    let wanted = names.first().map_or("", String::as_str);
    let hint = nearest::hint(wanted, catalog.tables.iter().map(|t| t.name.as_str()));
    let advice = match given {
        Some(_) => "create it, or correct (rowcall.v1.table).name",
        None => "create it, or name another by (rowcall.v1.table).name",
    };
    let text = format!("no table {} {place}{hint}: {advice}", either(&names));
    Err(problem(&promised.place, promised.message.name(), text))
}

/// A resource without a table, so that positions still hold; it never serves.
fn absent(promised: &contract::Resource, unfit: Problem) -> Resource {
    Resource {
        message: promised.message.clone(),
        kind: kind(promised),
        table: TableName { schema: Identifier::new(""), name: Identifier::new(""), keep: Keep::Check },
        columns: Vec::new(),
        key: Vec::new(),
        names: Vec::new(),
        fields: Vec::new(),
        by_name: FxHashMap::default(),
        relations: Vec::new(),
        soft_delete: None,
        filter_fields: None,
        order_fields: None,
        depends: Depends::default(),
        problems: vec![unfit],
    }
}

impl<'a> Draft<'a> {
    /// The position of a table's column among those of the plan; the first use adds it.
    pub fn column(&mut self, at: usize) -> usize {
        let column = &self.table.columns[at];
        let name = Identifier::new(&column.name);
        if let Some(known) = self.columns.iter().position(|c| c.name == name) {
            return known;
        }
        self.columns.push(settle(column, self.table, self.catalog));
        self.columns.len() - 1
    }

    pub fn complain(&mut self, text: impl Into<String>) {
        let subject = self.promised.message.name().to_owned();
        self.problems.push(problem(&self.promised.place, subject, text));
    }

    fn key(&mut self) -> Vec<usize> {
        let mut positions = Vec::new();
        if self.promised.table.key.is_empty() {
            positions.clone_from(&self.table.primary_key);
        }
        for name in &self.promised.table.key {
            positions.extend(self.told("key", name));
        }
        self.check_key(&positions);
        let key: Vec<usize> = positions.into_iter().map(|at| self.column(at)).collect();
        for &column in &key {
            // A view's columns never say NOT NULL: its key is taken at the option's word.
            self.columns[column].nullable &= !is_view(self.table);
            // Keys are looked up by the arrays of their values, and arrays have none.
            if self.columns[column].value.array_oid == 0 {
                let name = self.columns[column].name.as_str().to_owned();
                self.complain(format!("key column {name:?} is an array, which cannot be a key: give another by (rowcall.v1.table).key"));
            }
        }
        key
    }

    /// A key that is told is taken at its word, as a view's, but the doubt is said.
    fn check_key(&mut self, positions: &[usize]) {
        let table = self.table;
        for &at in positions {
            if !table.columns[at].readable {
                self.complain(format!("{}, for it is part of the key", unreadable(table, at)));
            }
            // Keys are looked up by arrays of their values, and an array has no array.
            if ValueType::of(self.catalog, table.columns[at].type_oid).array_oid == 0 {
                let name = &table.columns[at].name;
                self.complain(format!(
                    "key column {name:?} is an array, which cannot be a key: give another by (rowcall.v1.table).key"
                ));
            }
        }
        if positions.is_empty() || is_view(table) || table.kind == TableKind::Foreign {
            return;
        }
        let names: Vec<&str> = positions.iter().map(|&at| table.columns[at].name.as_str()).collect();
        let names = names.join(", ");
        let why = if positions.iter().any(|&at| !table.columns[at].not_null) {
            "may be NULL"
        } else if !unique(table, positions) {
            "is not known to be unique"
        } else {
            return;
        };
        let text = format!(
            "key ({names}) {why}, and rows that share a key are lost between pages: constrain it, or give another by (rowcall.v1.table).key"
        );
        let subject = self.promised.message.name().to_owned();
        self.losses.push(problem(&self.promised.place, subject, text));
    }

    /// The column that an option of the table names.
    fn told(&mut self, option: &str, name: &str) -> Option<usize> {
        let found = self.table.column(name);
        if found.is_none() {
            let hint = nearest::hint(name, self.table.columns.iter().map(|c| c.name.as_str()));
            self.complain(format!(
                "(rowcall.v1.table).{option} names {name:?}, but table {:?} has no such column{hint}: add it, or name another",
                self.table.name
            ));
        }
        found
    }

    fn soft_delete(&mut self) -> Option<usize> {
        let name = self.promised.table.soft_delete.as_str();
        if name.is_empty() {
            return None;
        }
        let at = self.told("soft_delete", name)?;
        if !self.table.columns[at].readable {
            self.complain(format!("{}, for it says which rows are deleted", unreadable(self.table, at)));
        }
        Some(self.column(at))
    }
}

/// `the role may not SELECT column "track.title": GRANT it`.
pub(super) fn unreadable(table: &Table, at: usize) -> String {
    format!("the role may not SELECT column \"{}.{}\": GRANT it", table.name, table.columns[at].name)
}

/// Whether no two rows of a table have the same values in these columns.
pub(super) fn unique(table: &Table, columns: &[usize]) -> bool {
    let within = |keys: &[Option<usize>]| keys.iter().all(|key| key.is_some_and(|at| columns.contains(&at)));
    let key: Vec<Option<usize>> = table.primary_key.iter().copied().map(Some).collect();
    let indexes = table.indexes.iter().filter(|index| index.unique && index.valid && !index.partial);
    let mut keys = indexes.map(|index| index.keys.iter().map(|key| key.column).collect::<Vec<_>>());
    !key.is_empty() && within(&key) || keys.any(|keys| within(&keys))
}

fn is_view(table: &Table) -> bool {
    matches!(table.kind, TableKind::View | TableKind::MaterializedView)
}

/// A catalog's column as plans see it.
pub(super) fn settle(column: &catalog::Column, table: &Table, catalog: &Catalog) -> Column {
    Column {
        name: Identifier::new(&column.name),
        oid: catalog.base_type(column.type_oid).map_or(column.type_oid, |t| t.oid),
        value: ValueType::of(catalog, column.type_oid),
        nullable: !column.not_null || is_view(table),
        deterministic: column.collation.as_ref().is_none_or(|c| c.deterministic),
    }
}
