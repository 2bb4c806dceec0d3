//! Plans and the catalog's indexes → the indexes that serving them well would need.

use super::{Report, problem};
use crate::catalog::{Catalog, IndexKey, Table, TableKind};
use crate::contract::{self, Place, Problem, Shape};
use crate::plan::query::{Direction, OrderTerm};
use crate::plan::relation::{Cardinality, Link};
use crate::plan::resource::{Source, TableName};
use crate::plan::value::{Class, ValueType};
use crate::plan::{Plans, Relation, Resource, order};
use crate::sql::Identifier;

/// A missing index: why, and the statement that makes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Advice {
    /// Where in the contract the need comes from.
    pub problem: Problem,
    /// `CREATE INDEX CONCURRENTLY …`.
    pub statement: String,
}

/// What an index has to begin with. A btree runs both ways, and columns that are given a value
/// may stand in any order.
struct Need<'a> {
    table: &'a TableName,
    /// The message that the need is told of.
    subject: &'a str,
    equal: Vec<&'a str>,
    order: Vec<(&'a str, Direction)>,
    why: String,
}

pub(super) fn collect(plans: &Plans, catalog: &Catalog, report: &mut Report) {
    for (at, resource) in plans.resources.iter().enumerate() {
        if !resource.problems.is_empty() {
            continue;
        }
        let place = &plans.contract.resources[at].place;
        let needs = orders(plans, at).into_iter().chain(filters(plans, at));
        for need in needs.chain(resource.relations.iter().filter_map(|r| related(plans, resource, r))) {
            report.advice.extend(suggest(need, catalog, place));
        }
    }
    let methods = plans.contract.services.iter().flat_map(|service| &service.methods);
    for method in methods {
        if let Ok(Shape::List { resource, .. } | Shape::Stream { resource, .. }) = method.shape {
            let needs = kept(&plans.resources[resource], method);
            report.advice.extend(needs.filter_map(|need| suggest(need, catalog, &method.place)));
        }
    }
    report.advice.sort();
    report.advice.dedup_by(|a, b| a.statement == b.statement);
}

impl<'a> Need<'a> {
    fn of(resource: &'a Resource, equal: &[usize], order: &[OrderTerm], why: String) -> Self {
        let name = |&column: &usize| resource.columns[column].name.as_str();
        let order = order.iter().filter(|term| !equal.contains(&term.column));
        Need {
            table: &resource.table,
            subject: resource.message.name(),
            equal: equal.iter().map(name).collect(),
            order: order.map(|term| (name(&term.column), term.direction)).collect(),
            why,
        }
    }
}

/// The closed set of order fields says what callers will order by.
fn orders(plans: &Plans, at: usize) -> Vec<Need<'_>> {
    let resource = &plans.resources[at];
    let fields = resource.order_fields.iter().flatten();
    let bound = fields.filter_map(|field| Some((field, order::bind(plans, at, field).ok()?)));
    let local = bound.filter(|(_, terms)| terms.iter().all(|term| term.path.is_empty()));
    local.map(|(field, terms)| Need::of(resource, &[], &terms, format!("ordered by {field}"))).collect()
}

/// The closed set of filter fields says what callers will filter by.
fn filters(plans: &Plans, at: usize) -> Vec<Need<'_>> {
    let fields = plans.resources[at].filter_fields.iter().flatten();
    let found = fields.filter_map(|field| Some((field, filtered(plans, at, field)?)));
    found
        .map(|(field, (end, equal))| {
            Need::of(&plans.resources[end], &equal, &[], format!("filtered by {field}"))
        })
        .collect()
}

/// Each field of a request that keeps only the rows equal to it.
fn kept<'a>(resource: &'a Resource, method: &'a contract::Method) -> impl Iterator<Item = Need<'a>> {
    method.keys.iter().filter_map(|field| {
        let equal = match &resource.field(field.name())?.source {
            Source::Column { column, .. } if selective(&resource.columns[*column].value) => vec![*column],
            Source::Reference(pattern) => pattern.columns().collect(),
            _ => return None,
        };
        Some(Need::of(resource, &equal, &[], format!("kept by {}", field.name())))
    })
}

/// The resource at the end of a path, and the columns that a comparison with it reads.
fn filtered(plans: &Plans, at: usize, path: &str) -> Option<(usize, Vec<usize>)> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let resource = &plans.resources[at];
    match (&resource.field(name)?.source, rest) {
        (Source::Relation(relation), Some(rest)) => {
            filtered(plans, resource.relations[*relation].target, rest)
        }
        (Source::Column { column, .. }, None) => {
            selective(&resource.columns[*column].value).then(|| (at, vec![*column]))
        }
        (Source::Reference(pattern), None) => Some((at, pattern.columns().collect())),
        (Source::Name, None) => Some((at, resource.key.clone())),
        _ => None,
    }
}

/// Whether an ordinary index helps to find a value of a type.
fn selective(value: &ValueType) -> bool {
    let other = matches!(
        value.class,
        Class::Bool
            | Class::Array(_)
            | Class::Composite(_)
            | Class::Hstore
            | Class::Range(_)
            | Class::Multirange(_)
            | Class::Jsonb
    );
    !other && order::ordered(value)
}

/// What leads from a row to its many others; the one other is found by a key of its own.
fn related<'a>(plans: &'a Plans, near: &'a Resource, relation: &'a Relation) -> Option<Need<'a>> {
    let Cardinality::Many { order, .. } = &relation.cardinality else { return None };
    let target = &plans.resources[relation.target];
    let why = format!("found by {}", near.message.name());
    match &relation.link {
        Link::Direct(pairs) => {
            let equal: Vec<usize> = pairs.iter().map(|&(_, far)| far).collect();
            // So few rows are sorted by their key that an index need not do it.
            let told = order.iter().all(|term| term.path.is_empty()) && order.len() > target.key.len();
            Some(Need::of(target, &equal, if told { order } else { &[] }, why))
        }
        Link::Through { table, near: pairs, .. } => Some(Need {
            table,
            subject: near.message.name(),
            equal: pairs.iter().map(|(_, name)| name.as_str()).collect(),
            order: Vec::new(),
            why,
        }),
    }
}

fn suggest(need: Need, catalog: &Catalog, place: &Place) -> Option<Advice> {
    let Need { table: name, subject, equal, order, why } = need;
    let table = catalog.table(Some(name.schema.as_str()), name.name.as_str())?;
    let stored =
        matches!(table.kind, TableKind::Table | TableKind::Partitioned | TableKind::MaterializedView);
    let equal: Vec<usize> = equal.into_iter().map(|name| table.column(name)).collect::<Option<_>>()?;
    let order = order.into_iter().map(|(name, direction)| Some((table.column(name)?, direction)));
    let order: Vec<(usize, Direction)> = order.collect::<Option<_>>()?;
    if !stored || equal.len() + order.len() == 0 || served(table, &equal, &order) {
        return None;
    }
    // Read backwards, an ascending index gives what runs down.
    let down = order.iter().all(|(_, direction)| *direction == Direction::Descending);
    let suffix = |direction| if direction == Direction::Descending && !down { " DESC" } else { "" };
    let equal = equal.into_iter().map(|at| (at, Direction::Ascending));
    let columns: Vec<String> = equal
        .chain(order)
        .map(|(at, direction)| format!("{}{}", Identifier::new(&table.columns[at].name), suffix(direction)))
        .collect();
    // An index on a partitioned table cannot be made concurrently.
    let how = match table.kind {
        TableKind::Partitioned => "",
        _ => "CONCURRENTLY ",
    };
    let columns = columns.join(", ");
    let statement = format!("CREATE INDEX {how}ON {}.{} ({columns});", name.schema, name.name);
    let problem = problem(place, subject, format!("{why}: no index on {} ({columns})", name.name));
    Some(Advice { problem, statement })
}

/// Whether a btree begins with the columns that are given, in any order, and goes on with those of
/// the order, all in their directions or all in the opposite ones. Once the columns read so far
/// tell rows apart, the rest of the order costs nothing.
fn served(table: &Table, equal: &[usize], order: &[(usize, Direction)]) -> bool {
    let usable = table.indexes.iter().filter(|i| i.method == "btree" && i.valid && !i.partial);
    usable.into_iter().any(|index| {
        let (first, rest) = index.keys.split_at(equal.len().min(index.keys.len()));
        let given = |key: &IndexKey| key.column.is_some_and(|at| equal.contains(&at));
        let apart = index.unique && first.len() == index.keys.len() && first.iter().all(given);
        if apart || equal.iter().any(|at| !first.iter().any(|key| key.column == Some(*at))) {
            return apart;
        }
        let length = if index.unique { order.len().min(rest.len()) } else { order.len() };
        let mut backwards = order
            .iter()
            .zip(rest)
            .map(|((_, direction), key)| (*direction == Direction::Descending) != key.descending);
        let way = backwards.next();
        rest.len() >= length
            && order.iter().zip(rest).all(|((at, _), key)| {
                // Only so do NULLs stand where an order wants them.
                key.column == Some(*at) && key.nulls_first == key.descending
            })
            && backwards.all(|other| Some(other) == way)
    })
}
