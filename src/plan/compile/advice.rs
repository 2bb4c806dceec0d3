//! Plans and the catalog's indexes → the indexes that serving them well would need.

use super::Report;
use crate::catalog::{Catalog, Table};
use crate::contract::Problem;
use crate::plan::query::{Direction, OrderTerm};
use crate::plan::relation::{Cardinality, Link};
use crate::plan::{Plans, Resource, order};
use crate::sql::Identifier;

/// A missing index: why, and the statement that makes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Advice {
    /// Where in the contract the need comes from.
    pub problem: Problem,
    /// `CREATE INDEX CONCURRENTLY …`.
    pub statement: String,
}

/// What an index has to begin with: columns and directions. A btree runs both ways.
struct Need {
    columns: Vec<(String, Direction)>,
    why: String,
}

pub(super) fn collect(plans: &Plans, catalog: &Catalog, report: &mut Report) {
    for (at, resource) in plans.resources.iter().enumerate() {
        let promised = &plans.contract.resources[at];
        for need in orders(plans, at) {
            suggest(resource, need, catalog, &promised.place, report);
        }
        for relation in &resource.relations {
            if let (Cardinality::Many { order, .. }, Link::Direct(pairs)) =
                (&relation.cardinality, &relation.link)
            {
                let target = &plans.resources[relation.target];
                let need = children(resource, target, pairs, order);
                suggest(target, need, catalog, &promised.place, report);
            }
        }
    }
    report.advice.sort();
    report.advice.dedup_by(|a, b| a.statement == b.statement);
}

/// The closed set of order fields says what callers will order by.
fn orders(plans: &Plans, at: usize) -> Vec<Need> {
    let resource = &plans.resources[at];
    let Some(fields) = &resource.order_fields else { return Vec::new() };
    let bound = fields.iter().filter_map(|field| Some((field, order::bind(plans, at, field).ok()?)));
    let local = bound.filter(|(_, terms)| terms.iter().all(|term| term.path.is_empty()));
    local
        .map(|(field, terms)| Need { columns: named(resource, &terms), why: format!("ordered by {field}") })
        .collect()
}

fn children(near: &Resource, target: &Resource, pairs: &[(usize, usize)], order: &[OrderTerm]) -> Need {
    let mut columns: Vec<(String, Direction)> = pairs
        .iter()
        .map(|&(_, far)| (target.columns[far].name.as_str().to_owned(), Direction::Ascending))
        .collect();
    if order.iter().all(|term| term.path.is_empty()) && order.len() > target.key.len() {
        columns.extend(named(target, order));
    }
    Need { columns, why: format!("found by {}", near.message.name()) }
}

fn named(resource: &Resource, terms: &[OrderTerm]) -> Vec<(String, Direction)> {
    terms
        .iter()
        .map(|term| (resource.columns[term.column].name.as_str().to_owned(), term.direction))
        .collect()
}

fn suggest(
    resource: &Resource,
    need: Need,
    catalog: &Catalog,
    place: &crate::contract::Place,
    report: &mut Report,
) {
    let name = &resource.table;
    let Some(table) = catalog.table(Some(name.schema.as_str()), name.name.as_str()) else { return };
    let stored = matches!(
        table.kind,
        crate::catalog::TableKind::Table
            | crate::catalog::TableKind::Partitioned
            | crate::catalog::TableKind::MaterializedView
    );
    if !stored || need.columns.is_empty() || served(table, &need.columns) {
        return;
    }
    let columns: Vec<String> = need
        .columns
        .iter()
        .map(|(column, direction)| {
            let suffix = if *direction == Direction::Descending { " DESC" } else { "" };
            format!("{}{suffix}", Identifier::new(column))
        })
        .collect();
    // An index on a partitioned table cannot be made concurrently.
    let how = match table.kind {
        crate::catalog::TableKind::Partitioned => "",
        _ => "CONCURRENTLY ",
    };
    let statement = format!("CREATE INDEX {how}ON {}.{} ({});", name.schema, name.name, columns.join(", "));
    let text = format!("{}: no index on ({})", need.why, columns.join(", "));
    let problem = Problem { place: place.clone(), subject: resource.message.name().to_owned(), text };
    report.advice.push(Advice { problem, statement });
}

/// Whether a btree begins with these columns, in these directions or all in the opposite ones.
/// Once the columns read so far tell rows apart, the rest of the order costs nothing.
fn served(table: &Table, columns: &[(String, Direction)]) -> bool {
    let usable = table.indexes.iter().filter(|i| i.method == "btree" && i.valid && !i.partial);
    usable.into_iter().any(|index| {
        let whole = if index.unique { index.keys.len() } else { columns.len() };
        let length = columns.len().min(whole);
        let mut flipped = Vec::new();
        let matches = index.keys.len() >= length
            && columns.iter().take(length).zip(&index.keys).all(|((name, direction), key)| {
                flipped.push((*direction == Direction::Descending) != key.descending);
                key.column.is_some_and(|at| table.columns[at].name == *name)
            });
        matches && (flipped.iter().all(|&f| f) || flipped.iter().all(|&f| !f))
    })
}
