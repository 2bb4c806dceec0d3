//! A `Select` of a table's rows → one SELECT behind the last page, or one per branch of the position.

use super::Param;
use super::draft::Draft;
use super::keyset::{self, Term};
use super::scope::Scope;
use super::select::{
    conditions, directed, order_expressions, output, position_value, push_limit, push_offset, push_order,
    push_where,
};
use crate::plan::query::Output;
use crate::plan::{Plans, Select};

pub fn page(plans: &Plans, select: &Select, draft: &mut Draft) -> String {
    let mut scope = Scope::new(plans, select.resource, "t", select.deleted);
    let order = order_expressions(select, draft, &mut scope);
    let conditions = conditions(select, draft, &mut scope);
    let branches = position(plans, select, draft, &order);
    if branches.len() > 1 {
        return union(plans, select, draft, &scope, &order, &conditions, branches);
    }
    let mut conditions = conditions;
    conditions.extend(branches.into_iter().flatten());
    let resource = &plans.resources[select.resource];
    let outputs: Vec<String> =
        select.outputs.iter().map(|o| output(plans, select, resource, o, "t", &order)).collect();
    let mut text = format!("SELECT {} FROM {}", outputs.join(", "), scope.from());
    push_where(&mut text, &conditions);
    push_order(&mut text, &[], &directed(select, &order));
    push_limit(&mut text, select.limit.map(|limit| draft.number(limit.into())));
    push_offset(&mut text, select, draft);
    text
}

/// One SELECT per branch, each with its own order and limit so that each can stop early.
fn union(
    plans: &Plans,
    select: &Select,
    draft: &mut Draft,
    scope: &Scope<'_>,
    order: &[String],
    conditions: &[String],
    branches: Vec<Vec<String>>,
) -> String {
    let resource = &plans.resources[select.resource];
    // Order columns keep their own type inside, and are sorted by outside.
    let mut inner = Vec::new();
    let mut outer = Vec::new();
    for (i, out) in select.outputs.iter().enumerate() {
        match out {
            Output::Order(at) => outer.push(position_value(plans, select, *at, format!("u.o{}", at + 1))),
            Output::Column { .. } | Output::Ordinal => {
                inner.push(format!("{} AS c{}", output(plans, select, resource, out, "t", order), i + 1));
                outer.push(format!("u.c{}", i + 1));
            }
        }
    }
    inner.extend(order.iter().enumerate().map(|(i, e)| format!("{e} AS o{}", i + 1)));
    let branch_limit = select.limit.map(|limit| draft.number(u64::from(limit) + u64::from(select.skip)));
    let limit = match select.skip {
        0 => branch_limit.clone(),
        _ => select.limit.map(|limit| draft.number(limit.into())),
    };
    let from = scope.from();
    let selects: Vec<String> = branches
        .into_iter()
        .map(|branch| {
            let mut text = format!("(SELECT {} FROM {from}", inner.join(", "));
            push_where(&mut text, &[conditions, &branch].concat());
            push_order(&mut text, &[], &directed(select, order));
            push_limit(&mut text, branch_limit.clone());
            text.push(')');
            text
        })
        .collect();
    let mut text = format!("SELECT {} FROM ({}) AS u", outer.join(", "), selects.join(" UNION ALL "));
    let names: Vec<String> = (1..=order.len()).map(|i| format!("u.o{i}")).collect();
    push_order(&mut text, &[], &directed(select, &names));
    push_limit(&mut text, limit);
    push_offset(&mut text, select, draft);
    text
}

fn position(plans: &Plans, select: &Select, draft: &mut Draft, order: &[String]) -> Vec<Vec<String>> {
    let Some(after) = &select.after else {
        return Vec::new();
    };
    let terms: Vec<Term> = select
        .order
        .iter()
        .zip(order)
        .zip(after)
        .map(|((term, expression), value)| {
            let column = term.of(plans, select.resource);
            Term {
                expression: expression.clone(),
                direction: term.direction,
                nullable: term.nullable,
                value: Param { oid: column.value.oid, value: value.clone() },
                cast: column.value.cast.clone(),
            }
        })
        .collect();
    let branches = keyset::branches(draft, &terms);
    match branches.is_empty() && !terms.is_empty() {
        // Nothing sorts behind the position.
        true => vec![vec!["false".to_owned()]],
        false => branches,
    }
}
