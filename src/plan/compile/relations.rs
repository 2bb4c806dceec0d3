//! A promised relation field and the foreign keys of its tables → which rows lead to which.

use super::edges::{Edge, choose, edges};
use super::resources::{unique, unreadable};
use super::{Report, problem};
use crate::catalog::{Catalog, Table};
use crate::contract::{Contract, Field, Problem, Role, options};
use crate::nearest;
use crate::plan::Plans;
use crate::plan::relation::{Cardinality, Link, Relation};
use crate::plan::resource::{Resource, TableName};
use crate::plan::{order, query::OrderTerm};
use crate::sql::Identifier;

/// Rows of a repeated field when neither contract nor mask says how many.
const LIMIT_DEFAULT: u32 = 100;
/// The most a contract may ask for.
const LIMIT_MAX: u32 = 10_000;

/// Settles the links of all resources first, for orders may lead through them, and then the orders.
pub(super) fn compile(plans: &mut Plans, catalog: &Catalog, report: &mut Report) {
    let contract = plans.contract.clone();
    for near in 0..plans.resources.len() {
        for (field, target, told) in promised(&contract, near) {
            if !plans.resources[near].has_table() || !plans.resources[target].has_table() {
                // Who asks for the relation is told what is wrong with its target.
                plans.resources[near].relations.push(nowhere(target));
                continue;
            }
            let settled = link(plans, catalog, near, target, field, told);
            accept(
                plans,
                report,
                near,
                field,
                settled.map(|link| Relation {
                    target,
                    cardinality: cardinality(field, told),
                    link,
                    between: None,
                }),
            );
        }
    }
    for near in 0..plans.resources.len() {
        let settled: Vec<_> = promised(&contract, near)
            .enumerate()
            .map(|(at, (field, target, told))| (at, field, orders(plans, target, field, told)))
            .collect();
        for (at, field, order) in settled {
            match order {
                Ok(terms) => {
                    if let Some(Relation { cardinality: Cardinality::Many { order, .. }, .. }) =
                        plans.resources[near].relations.get_mut(at)
                    {
                        *order = terms;
                    }
                }
                Err(text) => complain(plans, report, near, field, text),
            }
        }
    }
}

fn promised(contract: &Contract, near: usize) -> impl Iterator<Item = (&Field, usize, &options::Relation)> {
    contract.resources[near].fields.iter().filter_map(|field| match &field.role {
        Role::Relation { resource, options } => Some((field, *resource, options)),
        _ => None,
    })
}

/// Positions of relations are those of the promise, so a failed one is kept as an empty link.
fn accept(
    plans: &mut Plans,
    report: &mut Report,
    near: usize,
    field: &Field,
    settled: Result<Relation, String>,
) {
    match settled {
        Ok(relation) => plans.resources[near].relations.push(relation),
        Err(text) => {
            let Role::Relation { resource: target, .. } = field.role else { return };
            plans.resources[near].relations.push(nowhere(target));
            complain(plans, report, near, field, text);
        }
    }
}

fn nowhere(target: usize) -> Relation {
    Relation { target, cardinality: Cardinality::One, link: Link::Direct(Vec::new()), between: None }
}

fn complain(plans: &mut Plans, report: &mut Report, near: usize, field: &Field, text: String) {
    let resource = &mut plans.resources[near];
    let subject = format!("{}.{}", resource.message.name(), field.descriptor.name());
    let found: Problem = problem(&field.place, subject, text);
    resource.problems.push(found.clone());
    report.problems.push(found);
}

fn cardinality(field: &Field, told: &options::Relation) -> Cardinality {
    if !field.descriptor.is_list() {
        return Cardinality::One;
    }
    let limit = u32::try_from(told.limit).ok().filter(|&limit| limit > 0).unwrap_or(LIMIT_DEFAULT);
    Cardinality::Many { limit: limit.min(LIMIT_MAX), order: Vec::new() }
}

fn orders(
    plans: &Plans,
    target: usize,
    field: &Field,
    told: &options::Relation,
) -> Result<Vec<OrderTerm>, String> {
    if !field.descriptor.is_list() || !plans.resources[target].problems.is_empty() {
        return Ok(Vec::new());
    }
    if told.limit < 0 {
        return Err("(rowcall.v1.relation).limit is negative".to_owned());
    }
    if told.limit.unsigned_abs() > LIMIT_MAX {
        return Err(format!("(rowcall.v1.relation).limit is more than {LIMIT_MAX}"));
    }
    if plans.resources[target].key.is_empty() {
        return Err(
            "the rows it leads to have no key to be ordered by: give (rowcall.v1.table).key".to_owned()
        );
    }
    order::contract(plans, target, &told.order_by)
        .map_err(|violation| format!("(rowcall.v1.relation).order_by: {}", violation.description))
}

fn link(
    plans: &mut Plans,
    catalog: &Catalog,
    near: usize,
    target: usize,
    field: &Field,
    told: &options::Relation,
) -> Result<Link, String> {
    let (near_table, far_table) = (table(plans, catalog, near)?, table(plans, catalog, target)?);
    if !told.through.is_empty() {
        return through(plans, catalog, near, target, told, (near_table, far_table));
    }
    let to_many = field.descriptor.is_list();
    let forward = edges(plans, catalog, near_table, far_table);
    let backward = edges(plans, catalog, far_table, near_table);
    check_named(told, forward.iter().chain(&backward), near_table, far_table)?;
    let pairs = if to_many {
        choose(backward, told, far_table, near_table)?.map(|e| zip(e.to, e.from))
    } else {
        let one: Vec<Edge> = backward.into_iter().filter(|edge| leads_to_one(far_table, edge)).collect();
        match choose(forward, told, near_table, far_table)? {
            Some(edge) => Some(zip(edge.from, edge.to)),
            None => choose(one, told, far_table, near_table)?.map(|e| zip(e.to, e.from)),
        }
    };
    let Some(pairs) = pairs else {
        let (from, to) = if to_many { (far_table, near_table) } else { (near_table, far_table) };
        return Err(format!(
            "no foreign key leads from table {:?} to {:?}: add one, give (rowcall.v1.table).foreign_keys, or go by a table between with (rowcall.v1.relation).through",
            from.name, to.name
        ));
    };
    let mut columns = Vec::new();
    for (near_name, far_name) in pairs {
        let near_column = column(plans, catalog, near, near_table, &near_name)?;
        let far_column = column(plans, catalog, target, far_table, &far_name)?;
        columns.push((near_column, far_column));
    }
    Ok(Link::Direct(columns))
}

/// A key that is told by its name has to be there.
fn check_named<'a>(
    told: &options::Relation,
    among: impl Iterator<Item = &'a Edge> + Clone,
    from: &Table,
    to: &Table,
) -> Result<(), String> {
    let name = told.foreign_key.as_str();
    if name.is_empty() || among.clone().any(|edge| edge.name == name) {
        return Ok(());
    }
    let hint = nearest::hint(name, among.map(|edge| edge.name.as_str()));
    Err(format!(
        "no foreign key {name:?} leads between tables {:?} and {:?}{hint}: correct (rowcall.v1.relation).foreign_key",
        from.name, to.name
    ))
}

/// Read backwards a key leads to one row when its columns are unique.
fn leads_to_one(table: &Table, edge: &Edge) -> bool {
    let columns: Option<Vec<usize>> = edge.from.iter().map(|name| table.column(name)).collect();
    columns.is_some_and(|columns| unique(table, &columns))
}

fn through(
    plans: &mut Plans,
    catalog: &Catalog,
    near: usize,
    target: usize,
    told: &options::Relation,
    (near_table, far_table): (&Table, &Table),
) -> Result<Link, String> {
    let (schema, name) = match told.through.split_once('.') {
        Some((schema, name)) => (Some(schema), name),
        None => (None, told.through.as_str()),
    };
    let between = catalog
        .table(schema, name)
        .or_else(|| catalog.table(None, &told.through))
        .ok_or_else(|| format!("(rowcall.v1.relation).through: no table {:?}", told.through))?;
    let to_near = edges(plans, catalog, between, near_table);
    check_named(told, to_near.iter(), between, near_table)?;
    let Some(near_edge) = choose(to_near, told, between, near_table)? else {
        return Err(format!("no foreign key leads from table {:?} to {:?}", between.name, near_table.name));
    };
    let mut to_far = edges(plans, catalog, between, far_table);
    // Between a table and itself both keys lead to the same place: the other one is the far side.
    to_far.retain(|edge| edge.from != near_edge.from);
    let unnamed = options::Relation::default();
    let Some(far_edge) = choose(to_far, &unnamed, between, far_table)? else {
        return Err(format!("no foreign key leads from table {:?} to {:?}", between.name, far_table.name));
    };
    let mut near_pairs = Vec::new();
    for (from, to) in zip(near_edge.from, near_edge.to) {
        near_pairs.push((column(plans, catalog, near, near_table, &to)?, Identifier::new(&from)));
    }
    let mut far_pairs = Vec::new();
    for (from, to) in zip(far_edge.from, far_edge.to) {
        far_pairs.push((Identifier::new(&from), column(plans, catalog, target, far_table, &to)?));
    }
    Ok(Link::Through { table: TableName::of(between), near: near_pairs, far: far_pairs })
}

fn zip(a: Vec<String>, b: Vec<String>) -> Vec<(String, String)> {
    a.into_iter().zip(b).collect()
}

fn table<'a>(plans: &Plans, catalog: &'a Catalog, resource: usize) -> Result<&'a Table, String> {
    let Resource { table, message, .. } = &plans.resources[resource];
    catalog
        .table(Some(table.schema.as_str()), table.name.as_str())
        .ok_or_else(|| format!("leads to {}, which has no table", message.name()))
}

/// The position of a column in a resource's plan; the first use adds it.
fn column(
    plans: &mut Plans,
    catalog: &Catalog,
    resource: usize,
    table: &Table,
    name: &str,
) -> Result<usize, String> {
    let at = table
        .column(name)
        .ok_or_else(|| format!("table {:?} has no column {name:?} for this relation", table.name))?;
    if !table.columns[at].readable {
        return Err(format!("{}, for this relation needs it", unreadable(table, at)));
    }
    let columns = &mut plans.resources[resource].columns;
    if let Some(known) = columns.iter().position(|c| c.name.as_str() == name) {
        return Ok(known);
    }
    columns.push(super::resources::settle(&table.columns[at], table, catalog));
    Ok(columns.len() - 1)
}
