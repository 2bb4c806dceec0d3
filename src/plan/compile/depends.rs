//! Resources and the catalog's tables → what answers depend on, and what triggers have to tell for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Report, problem};
use crate::catalog::{Catalog, Oid, Table, TableKind};
use crate::contract::Problem;
use crate::feed::{Form, Recorded, Told, Why};
use crate::nearest;
use crate::plan::depends::{Depends, Part, RowKey};
use crate::plan::relation::Link;
use crate::plan::resource::TableName;
use crate::plan::{Plans, Resource};
use crate::sql::Identifier;

/// Views within views; Postgres lets none lead back to itself.
const VIEWS_DEPTH_MAX: usize = 64;

pub(super) fn compile(plans: &mut Plans, catalog: &Catalog, report: &mut Report) {
    let family = Family::of(catalog);
    let mut found = Found::default();
    for resource in &mut plans.resources {
        if let Some(table) = named(catalog, &resource.table) {
            resource.depends = depends(table, &family, &mut found);
        }
        for relation in &mut resource.relations {
            if let Link::Through { table, .. } = &relation.link {
                relation.between = named(catalog, table).map(|table| depends(table, &family, &mut found));
            }
        }
    }
    settle_keys(plans, &family, &mut found);
    settle_parts(plans, &family, &mut found, report);
    plans.recorded = found.recorded.into_values().collect();
    plans.views = found.views.into_iter().collect();
}

/// What was come upon on the way.
#[derive(Default)]
struct Found {
    recorded: BTreeMap<Oid, Recorded>,
    views: BTreeSet<Oid>,
}

/// Who inherits from whom.
struct Family<'a> {
    catalog: &'a Catalog,
    children: HashMap<Oid, Vec<Oid>>,
}

impl<'a> Family<'a> {
    fn of(catalog: &'a Catalog) -> Self {
        let mut children: HashMap<Oid, Vec<Oid>> = HashMap::new();
        for (child, parents) in &catalog.parents {
            parents.iter().for_each(|parent| children.entry(*parent).or_default().push(*child));
        }
        Family { catalog, children }
    }

    /// The table under which the changes of a table are told: a statement on a parent writes to its children too.
    fn root(&self, table: Oid) -> Result<&'a Table, Why> {
        let mut root = table;
        while let Some(parents) = self.catalog.parents.get(&root) {
            match parents[..] {
                [parent] => root = parent,
                _ => return Err(Why::Inheritance),
            }
        }
        let mut below = vec![root];
        while let Some(table) = below.pop() {
            let children = self.children.get(&table).map_or(&[][..], Vec::as_slice);
            if children.iter().any(|child| self.catalog.parents.get(child).is_some_and(|of| of.len() > 1)) {
                return Err(Why::Inheritance);
            }
            if self.catalog.table_by_oid(table).is_some_and(|table| table.kind == TableKind::Foreign) {
                return Err(Why::Foreign);
            }
            below.extend(children);
        }
        self.catalog.table_by_oid(root).ok_or(Why::System)
    }
}

fn named<'a>(catalog: &'a Catalog, name: &TableName) -> Option<&'a Table> {
    catalog.table(Some(name.schema.as_str()), name.name.as_str())
}

fn depends(table: &Table, family: &Family, found: &mut Found) -> Depends {
    let mut behind = Found::default();
    let unfollowed = read(table, family, &mut behind, VIEWS_DEPTH_MAX);
    let tables = behind.recorded.keys().chain(&behind.views).copied().collect();
    // Triggers cost their writers: none for what cannot be followed anyway.
    if unfollowed.is_none() {
        behind.recorded.into_iter().for_each(|(oid, recorded)| drop(found.recorded.insert(oid, recorded)));
        found.views.extend(behind.views);
    }
    Depends { tables, unfollowed, ..Depends::default() }
}

/// Adds what reading the table reads; why that cannot be followed.
fn read(table: &Table, family: &Family, found: &mut Found, depth: usize) -> Option<Why> {
    match table.kind {
        TableKind::MaterializedView => Some(Why::MaterializedView),
        TableKind::Foreign => Some(Why::Foreign),
        TableKind::Table | TableKind::Partitioned if table.row_security => Some(Why::RowSecurity),
        TableKind::Table | TableKind::Partitioned => match family.root(table.oid) {
            Ok(root) => {
                let (schema, name) = (Identifier::new(&root.schema), Identifier::new(&root.name));
                let recorded = Recorded { table: root.oid, schema, name, key: Vec::new(), parts: Vec::new() };
                found.recorded.insert(root.oid, recorded);
                None
            }
            Err(why) => Some(why),
        },
        TableKind::View => {
            let Some(view) = family.catalog.views.get(&table.oid).filter(|_| depth > 0) else {
                return Some(Why::Unsteady);
            };
            found.views.insert(table.oid);
            let unsteady = (!view.steady).then_some(Why::Unsteady);
            view.relations.iter().fold(unsteady, |why, relation| {
                let behind = match family.catalog.table_by_oid(*relation) {
                    Some(relation) => read(relation, family, found, depth - 1),
                    None => Some(Why::System),
                };
                Why::deciding(why, behind)
            })
        }
    }
}

/// A row is told by its table's primary key; where there is none, by the first key that the contract gives.
fn settle_keys(plans: &mut Plans, family: &Family, found: &mut Found) {
    for recorded in found.recorded.values_mut() {
        let Some(root) = family.catalog.table_by_oid(recorded.table) else { continue };
        let primary = root.primary_key.iter().map(|&at| told(family.catalog, root, at)).collect();
        recorded.key = match root.primary_key.is_empty() {
            false => Option::unwrap_or_default(primary),
            true => plans.resources.iter().find_map(|r| given(r, root, family)).unwrap_or_default(),
        };
    }
    for resource in &mut plans.resources {
        let Some(recorded) = followed(resource, family).and_then(|root| found.recorded.get(&root.oid)) else {
            continue;
        };
        let names = |columns: &[Told]| columns.iter().map(|told| told.name.clone()).collect::<Vec<_>>();
        let key: Vec<_> = resource.key.iter().map(|&at| resource.columns[at].name.clone()).collect();
        if !key.is_empty() && key == names(&recorded.key) {
            let forms = recorded.key.iter().map(|told| told.form).collect();
            resource.depends.row = RowKey::Told { table: recorded.table, forms };
        }
    }
}

/// The key of a resource, when it is one of this root.
fn given(resource: &Resource, root: &Table, family: &Family) -> Option<Vec<Told>> {
    followed(resource, family).filter(|of| of.oid == root.oid)?;
    let names = resource.key.iter().map(|&at| resource.columns[at].name.as_str());
    let key: Option<Vec<Told>> = names.map(|name| told(family.catalog, root, root.column(name)?)).collect();
    key.filter(|key| !key.is_empty())
}

/// The root of a resource's table, unless it is a view or not to be followed.
fn followed<'a>(resource: &Resource, family: &Family<'a>) -> Option<&'a Table> {
    let table = named(family.catalog, &resource.table)?;
    let stored = matches!(table.kind, TableKind::Table | TableKind::Partitioned);
    let follows = stored && resource.depends.unfollowed.is_none();
    follows.then(|| family.root(table.oid).ok()).flatten()
}

fn told(catalog: &Catalog, table: &Table, at: usize) -> Option<Told> {
    let column = &table.columns[at];
    let form = Form::of(catalog, column)?;
    Some(Told { attnum: column.attnum, name: Identifier::new(&column.name), form })
}

fn settle_parts(plans: &mut Plans, family: &Family, found: &mut Found, report: &mut Report) {
    let contract = plans.contract.clone();
    for (resource, promised) in plans.resources.iter_mut().zip(&contract.resources) {
        let Some(table) = named(family.catalog, &resource.table) else { continue };
        let cache = promised.table.cache.as_ref();
        let declared = cache.map_or(&[][..], |cache| &cache.parts);
        let mut columns = BTreeSet::new();
        for name in declared {
            match declare(name, table, family.catalog) {
                Ok(at) => drop(columns.insert(at)),
                Err(text) => {
                    let unfit: Problem = problem(&promised.place, promised.message.name(), text);
                    resource.problems.push(unfit.clone());
                    report.problems.push(unfit);
                }
            }
        }
        columns.extend(parent(resource).and_then(|name| table.column(name)));
        let Some(root) = followed(resource, family) else { continue };
        let Some(recorded) = found.recorded.get_mut(&root.oid) else { continue };
        let mut parts = Vec::new();
        for at in columns {
            let at = root.column(&table.columns[at].name);
            let Some(told) = at.and_then(|at| told(family.catalog, root, at)) else { continue };
            parts.push(Part {
                table: root.oid,
                column: column(resource, table, family.catalog, &told.name),
                attnum: told.attnum,
                form: told.form,
            });
            if !recorded.parts.contains(&told) {
                recorded.parts.push(told);
            }
        }
        recorded.parts.sort_by_key(|told| told.attnum);
        resource.depends.parts = parts.into();
    }
}

/// A column that the contract declares, as a position in the table's.
fn declare(name: &str, table: &Table, catalog: &Catalog) -> Result<usize, String> {
    let Some(at) = table.column(name) else {
        let hint = nearest::hint(name, table.columns.iter().map(|column| column.name.as_str()));
        return Err(format!(
            "(rowcall.v1.table).cache.parts names {name:?}, but table {:?} has no such column{hint}: correct it, or leave it out",
            table.name
        ));
    };
    if !matches!(table.kind, TableKind::Table | TableKind::Partitioned) {
        return Err(format!(
            "(rowcall.v1.table).cache.parts names {name:?}, but {:?} is no table, and only a table's triggers tell values: leave it out",
            table.name
        ));
    }
    if Form::of(catalog, &table.columns[at]).is_none() {
        return Err(format!(
            "(rowcall.v1.table).cache.parts names {name:?}, whose equal values may be written differently (numbers with fractions, text that ignores case, and the like): leave it out"
        ));
    }
    Ok(at)
}

/// The column of the parent in `albums/{album}/tracks/{track}`.
fn parent(resource: &Resource) -> Option<&str> {
    let variables: Vec<usize> = resource.names.first()?.columns().collect();
    match variables[..] {
        [parent, _] => Some(resource.columns[parent].name.as_str()),
        _ => None,
    }
}

/// The position of a column in a resource's plan; the first use adds it.
fn column(resource: &mut Resource, table: &Table, catalog: &Catalog, name: &Identifier) -> usize {
    if let Some(known) = resource.columns.iter().position(|column| column.name == *name) {
        return known;
    }
    if let Some(at) = table.column(name.as_str()) {
        resource.columns.push(super::resources::settle(&table.columns[at], table, catalog));
    }
    resource.columns.len() - 1
}
