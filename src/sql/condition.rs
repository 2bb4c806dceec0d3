//! A `Predicate` → a condition of WHERE.

use super::draft::Draft;
use super::scope::{Scope, aliased, alive, link_conditions, near_count};
use super::{Param, oid};
use crate::plan::filter::{Inside, JsonTest, Operand, Operator, Predicate, Test, Value};
use crate::plan::relation::Link;

/// The conditions that all hold when the predicate does, each one to be joined by AND.
pub fn conjuncts(draft: &mut Draft, scope: &mut Scope<'_>, predicate: &Predicate) -> Vec<String> {
    match predicate {
        Predicate::All(parts) => parts.iter().flat_map(|part| conjuncts(draft, scope, part)).collect(),
        other => vec![condition(draft, scope, other)],
    }
}

/// A condition that binds at least as tightly as a comparison.
fn condition(draft: &mut Draft, scope: &mut Scope<'_>, predicate: &Predicate) -> String {
    match predicate {
        Predicate::All(parts) => joined(draft, scope, parts, " AND ", "true"),
        Predicate::Any(parts) => joined(draft, scope, parts, " OR ", "false"),
        Predicate::Not(inner) => match inner.as_ref() {
            // These are never NULL, and Postgres can plan them as joins and index scans.
            Predicate::Exists { .. } => format!("NOT {}", condition(draft, scope, inner)),
            Predicate::Test { value, test: Test::Present } => {
                format!("{} IS NULL", expression(draft, scope, value))
            }
            _ => format!("({}) IS NOT TRUE", condition(draft, scope, inner)),
        },
        Predicate::Exists { path, relation, holds } => {
            exists(draft, scope, path, *relation, holds.as_deref())
        }
        Predicate::Test { value, test } => {
            let expression = expression(draft, scope, value);
            self::test(draft, &expression, test)
        }
    }
}

fn joined(
    draft: &mut Draft,
    scope: &mut Scope<'_>,
    parts: &[Predicate],
    operator: &str,
    empty: &str,
) -> String {
    let parts: Vec<String> = parts.iter().map(|part| condition(draft, scope, part)).collect();
    match parts.len() {
        0 => empty.to_owned(),
        _ => format!("({})", parts.join(operator)),
    }
}

fn exists(
    draft: &mut Draft,
    scope: &mut Scope<'_>,
    path: &[usize],
    relation: usize,
    holds: Option<&Predicate>,
) -> String {
    let (near_alias, near) = scope.reach(draft, path);
    let relation = &near.relations[relation];
    let far = &scope.plans.resources[relation.target];
    let alias = draft.alias();
    let mut inner = Scope::new(scope.plans, relation.target, alias.clone(), scope.deleted);
    let (mut conditions, between) = match &relation.link {
        Link::Direct(_) => {
            (link_conditions(&relation.link, near, &near_alias, "", far, &alias), String::new())
        }
        Link::Through { table, .. } => {
            let between = draft.alias();
            let mut on = link_conditions(&relation.link, near, &near_alias, &between, far, &alias);
            let far_on = on.split_off(near_count(&relation.link));
            (on, format!(" JOIN {} ON {}", aliased(table, &between), far_on.join(" AND ")))
        }
    };
    conditions.extend(alive(far, &alias, scope.deleted));
    if let Some(holds) = holds {
        conditions.extend(conjuncts(draft, &mut inner, holds));
    }
    format!("EXISTS (SELECT FROM {}{between} WHERE {})", inner.from(), conditions.join(" AND "))
}

fn expression(draft: &mut Draft, scope: &mut Scope<'_>, value: &Value) -> String {
    let column = scope.column(draft, &value.path, value.column);
    match &value.inside {
        Inside::Whole => column,
        Inside::Text => format!("{column}::text"),
        Inside::Attributes(names) => names.iter().fold(column, |inside, name| format!("({inside}).{name}")),
        Inside::Json(keys) => {
            let (_, resource) = scope.reach(draft, &value.path);
            let document = match resource.columns[value.column].oid {
                oid::JSON => format!("{column}::jsonb"),
                _ => column,
            };
            match keys {
                Some(keys) => format!("({document} #> {})", draft.param(keys.clone(), None)),
                None => format!("({document})"),
            }
        }
        Inside::Entry(key) => format!("({column} -> {})", draft.param(key.clone(), None)),
    }
}

fn test(draft: &mut Draft, value: &str, test: &Test) -> String {
    match test {
        Test::Compare(operator, operand) => {
            format!("{value} {} {}", symbol(*operator), self::operand(draft, operand))
        }
        Test::In(array) => format!("{value} = ANY ({})", operand(draft, array)),
        Test::Like(pattern) => format!("{value} LIKE {}", plain(draft, pattern)),
        Test::Present => format!("{value} IS NOT NULL"),
        Test::Filled => format!("cardinality({value}) > 0"),
        Test::Element(element) => format!("{value} @> ARRAY[{}]", operand(draft, element)),
        Test::ElementLike(pattern) => {
            format!("EXISTS (SELECT FROM unnest({value}) AS e(v) WHERE e.v LIKE {})", plain(draft, pattern))
        }
        Test::Among(element) => format!("{} = ANY ({value})", operand(draft, element)),
        Test::Covers(element) => format!("{value} @> {}", operand(draft, element)),
        Test::Key(key) => format!("{value} ? {}", plain(draft, key)),
        Test::Json(json) => self::json(draft, value, json),
    }
}

/// CASE, because Postgres may evaluate the parts of an AND in any order, and a cast of what is
/// not a number would fail the statement.
fn json(draft: &mut Draft, value: &str, test: &JsonTest) -> String {
    match test {
        JsonTest::Number(operator, number) => format!(
            "CASE jsonb_typeof({value}) WHEN 'number' THEN {value}::numeric {} {} END",
            symbol(*operator),
            plain(draft, number)
        ),
        JsonTest::String(operator, text) => format!(
            "CASE jsonb_typeof({value}) WHEN 'string' THEN {value} #>> '{{}}' {} {} END",
            symbol(*operator),
            plain(draft, text)
        ),
        JsonTest::StringLike(pattern) => format!(
            "CASE jsonb_typeof({value}) WHEN 'string' THEN {value} #>> '{{}}' LIKE {} END",
            plain(draft, pattern)
        ),
        JsonTest::Equals(document) => format!("{value} = {}", plain(draft, document)),
        JsonTest::Holds(document) => format!("{value} @> {}", plain(draft, document)),
        JsonTest::HoldsText { text, pattern } => {
            let text = plain(draft, text);
            format!(
                "CASE jsonb_typeof({value}) WHEN 'string' THEN {value} #>> '{{}}' LIKE {} ELSE {value} ? {text} END",
                plain(draft, pattern)
            )
        }
    }
}

fn symbol(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => "=",
        Operator::NotEqual => "IS DISTINCT FROM",
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
    }
}

fn operand(draft: &mut Draft, operand: &Operand) -> String {
    draft.param(operand.param.clone(), operand.cast.as_deref())
}

fn plain(draft: &mut Draft, param: &Param) -> String {
    draft.param(param.clone(), None)
}
