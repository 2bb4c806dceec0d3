//! A `Select` → one SELECT: by page, by keys, or by the keys of parents.

use std::fmt::Write;

use super::condition;
use super::draft::Draft;
use super::scope::{Scope, alive};
use super::{About, Statement, oid};
use super::{lookup, page};
use crate::catalog::Oid;
use crate::plan::query::{Direction, Output, Rows};
use crate::plan::resource::Resource;
use crate::plan::{Plans, Select};

pub fn render(plans: &Plans, select: &Select) -> Statement {
    let mut draft = Draft::default();
    let text = match &select.rows {
        Rows::All => page::page(plans, select, &mut draft),
        Rows::Keys { columns, arrays } => lookup::keys(plans, select, &mut draft, columns, arrays),
        Rows::Related { near, link, arrays, limit } => {
            lookup::related(plans, select, &mut draft, &plans.resources[*near], link, arrays, *limit)
        }
    };
    let (params, columns) = (draft.into_params(), columns(plans, select));
    Statement { text: text.into(), params, columns, about: Some(about(plans, select, "SELECT").into()) }
}

/// By its rows, which decide what it costs.
pub fn about(plans: &Plans, select: &Select, verb: &str) -> About {
    let how = match &select.rows {
        Rows::All if select.limit.is_none() && !select.equals.is_empty() => " by key",
        Rows::All => "",
        Rows::Keys { .. } => " by keys",
        Rows::Related { .. } => " of parents",
    };
    let collection = plans.resources[select.resource].table.name.as_str().to_owned();
    About { summary: format!("{verb} {collection}{how}"), collection }
}

/// What holds for every row of the answer, wherever the page stands.
pub fn conditions(select: &Select, draft: &mut Draft, scope: &mut Scope<'_>) -> Vec<String> {
    let resource = &scope.plans.resources[select.resource];
    let mut conditions: Vec<String> = select
        .equals
        .iter()
        .map(|(column, value)| {
            let column = &resource.columns[*column];
            format!("t.{} = {}", column.name, draft.param(value.clone(), column.value.cast.as_deref()))
        })
        .collect();
    conditions.extend(alive(resource, "t", select.deleted));
    if let Some(filter) = &select.filter {
        conditions.extend(condition::conjuncts(draft, scope, filter));
    }
    conditions
}

pub fn order_expressions(select: &Select, draft: &mut Draft, scope: &mut Scope<'_>) -> Vec<String> {
    select.order.iter().map(|term| scope.column(draft, &term.path, term.column)).collect()
}

pub fn output(
    plans: &Plans,
    select: &Select,
    resource: &Resource,
    output: &Output,
    alias: &str,
    order: &[String],
) -> String {
    match output {
        Output::Column { column, read } => read.of(format!("{alias}.{}", resource.columns[*column].name)),
        Output::Order(at) => position_value(plans, select, *at, order[*at].clone()),
        Output::Ordinal => "k.ord".to_owned(),
    }
}

/// The value of an order term as the parameter of the next position takes it: a type without a
/// binary form of ours goes as text both ways.
pub fn position_value(plans: &Plans, select: &Select, at: usize, expression: String) -> String {
    let value = &select.order[at].of(plans, select.resource).value;
    match (&value.cast, value.oid) {
        (None, _) => expression,
        (Some(_), oid::TEXT_ARRAY) => format!("{expression}::text[]"),
        (Some(_), _) => format!("{expression}::text"),
    }
}

fn columns(plans: &Plans, select: &Select) -> std::sync::Arc<[Oid]> {
    let resource = &plans.resources[select.resource];
    select
        .outputs
        .iter()
        .map(|output| match output {
            Output::Column { column, read } => read.result(resource.columns[*column].oid),
            Output::Order(at) => select.order[*at].of(plans, select.resource).value.oid,
            Output::Ordinal => oid::INT8,
        })
        .collect()
}

pub fn directed(select: &Select, expressions: &[String]) -> Vec<String> {
    select
        .order
        .iter()
        .zip(expressions)
        .map(|(term, expression)| match term.direction {
            Direction::Ascending => expression.clone(),
            Direction::Descending => format!("{expression} DESC"),
        })
        .collect()
}

pub fn push_where(text: &mut String, conditions: &[String]) {
    if !conditions.is_empty() {
        text.push_str(" WHERE ");
        text.push_str(&conditions.join(" AND "));
    }
}

pub fn push_order(text: &mut String, first: &[String], terms: &[String]) {
    let terms = [first, terms].concat();
    if !terms.is_empty() {
        text.push_str(" ORDER BY ");
        text.push_str(&terms.join(", "));
    }
}

pub fn push_limit(text: &mut String, limit: Option<String>) {
    if let Some(limit) = limit {
        text.push_str(" LIMIT ");
        text.push_str(&limit);
    }
}

pub fn push_offset(text: &mut String, select: &Select, draft: &mut Draft) {
    if select.skip > 0 {
        let skip = draft.number(select.skip.into());
        let _ = write!(text, " OFFSET {skip}");
    }
}
