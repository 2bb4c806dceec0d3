//! A `Select` by keys → a join of the keys' arrays with the table; the ordinal tells the key.

use super::Param;
use super::draft::Draft;
use super::scope::{Scope, aliased};
use super::select::{
    conditions, directed, order_expressions, output, position_value, push_limit, push_order, push_where,
};
use crate::plan::query::Output;
use crate::plan::relation::Link;
use crate::plan::resource::Resource;
use crate::plan::{Plans, Select};

pub fn keys(
    plans: &Plans,
    select: &Select,
    draft: &mut Draft,
    columns: &[usize],
    arrays: &[Param],
) -> String {
    let resource = &plans.resources[select.resource];
    let from = unnest(draft, arrays);
    let on: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(i, &c)| {
            let column = &resource.columns[c];
            format!("t.{} = {}", column.name, key(i, column.value.cast.as_deref()))
        })
        .collect();
    let mut scope = Scope::new(plans, select.resource, "t", select.deleted);
    let order = order_expressions(select, draft, &mut scope);
    let conditions = conditions(select, draft, &mut scope);
    let outputs: Vec<String> =
        select.outputs.iter().map(|o| output(plans, select, resource, o, "t", &order)).collect();
    // The keys come last in FROM so that the joins of the scope bind to the table.
    let mut text =
        format!("SELECT {} FROM {} JOIN {from} ON {}", outputs.join(", "), scope.from(), on.join(" AND "));
    push_where(&mut text, &conditions);
    push_order(&mut text, &[], &directed(select, &order));
    text
}

pub fn related(
    plans: &Plans,
    select: &Select,
    draft: &mut Draft,
    near: &Resource,
    link: &Link,
    arrays: &[Param],
    limit: u32,
) -> String {
    let resource = &plans.resources[select.resource];
    let from = unnest(draft, arrays);
    let mut scope = Scope::new(plans, select.resource, "t", select.deleted);
    let order = order_expressions(select, draft, &mut scope);
    let mut conditions = vec![linked(draft, near, link, resource)];
    conditions.extend(self::conditions(select, draft, &mut scope));
    let mut inner = Vec::new();
    let mut outer = Vec::new();
    for (i, out) in select.outputs.iter().enumerate() {
        match out {
            Output::Column { .. } => {
                inner.push(format!("{} AS c{}", output(plans, select, resource, out, "t", &order), i + 1));
                outer.push(format!("s.c{}", i + 1));
            }
            Output::Order(at) => outer.push(position_value(plans, select, *at, format!("s.o{}", at + 1))),
            Output::Ordinal => outer.push("k.ord".to_owned()),
        }
    }
    inner.extend(order.iter().enumerate().map(|(i, e)| format!("{e} AS o{}", i + 1)));
    let mut text = format!(
        "SELECT {} FROM {from} CROSS JOIN LATERAL (SELECT {} FROM {}",
        outer.join(", "),
        inner.join(", "),
        scope.from()
    );
    push_where(&mut text, &conditions);
    push_order(&mut text, &[], &directed(select, &order));
    push_limit(&mut text, Some(draft.number(limit.into())));
    text.push_str(") AS s");
    let names: Vec<String> = (1..=order.len()).map(|i| format!("s.o{i}")).collect();
    push_order(&mut text, &["k.ord".to_owned()], &directed(select, &names));
    text
}

/// The target's rows that a key leads to. Through a table it is EXISTS, so that a pair which
/// stands twice in the table between does not give its row twice.
fn linked(draft: &mut Draft, near: &Resource, link: &Link, far: &Resource) -> String {
    match link {
        Link::Direct(pairs) => {
            let on: Vec<String> = pairs
                .iter()
                .enumerate()
                .map(|(i, &(n, f))| {
                    format!("t.{} = {}", far.columns[f].name, key(i, near.columns[n].value.cast.as_deref()))
                })
                .collect();
            on.join(" AND ")
        }
        Link::Through { table, near: near_pairs, far: far_pairs } => {
            let between = draft.alias();
            let on: Vec<String> = near_pairs
                .iter()
                .enumerate()
                .map(|(i, (n, name))| {
                    format!("{between}.{name} = {}", key(i, near.columns[*n].value.cast.as_deref()))
                })
                .chain(
                    far_pairs
                        .iter()
                        .map(|(name, f)| format!("{between}.{name} = t.{}", far.columns[*f].name)),
                )
                .collect();
            format!("EXISTS (SELECT FROM {} WHERE {})", aliased(table, &between), on.join(" AND "))
        }
    }
}

/// `unnest($1, $2) WITH ORDINALITY AS k(c1, c2, ord)`.
/// The arrays come by way of a SELECT, behind which the planner does not see how many values they
/// have: else it finds that a plan of its own is worth it for every few keys, which costs more than
/// the statement itself.
fn unnest(draft: &mut Draft, arrays: &[Param]) -> String {
    let params: Vec<String> =
        arrays.iter().map(|array| format!("(SELECT {})", draft.param(array.clone(), None))).collect();
    let names: Vec<String> = (1..=arrays.len()).map(|i| format!("c{i}")).collect();
    format!("unnest({}) WITH ORDINALITY AS k({}, ord)", params.join(", "), names.join(", "))
}

/// A key's column, cast when the array could not be declared with the column's type.
fn key(at: usize, cast: Option<&str>) -> String {
    match cast {
        Some(cast) => format!("k.c{}::{cast}", at + 1),
        None => format!("k.c{}", at + 1),
    }
}
