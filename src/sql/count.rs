//! A `Select` → the statements that say how many rows it has: counted, or as the planner sees it.

use super::draft::Draft;
use super::scope::Scope;
use super::select::{about, conditions, push_limit, push_where};
use super::{Statement, oid};
use crate::plan::{Plans, Select};

/// How many rows match, one int8: page, order and columns don't matter. With a maximum, counting
/// ends one row behind it: an answer above `rows_max` says "more than that".
pub fn count(plans: &Plans, select: &Select, rows_max: Option<u64>) -> Statement {
    let mut draft = Draft::default();
    let mut text = matching(plans, select, &mut draft, "SELECT FROM ");
    push_limit(&mut text, rows_max.map(|rows| draft.number(rows.saturating_add(1))));
    Statement {
        text: format!("SELECT count(*) FROM ({text}) AS m").into(),
        params: draft.into_params(),
        columns: [oid::INT8].into(),
        about: Some(about(plans, select, "COUNT").into()),
    }
}

/// The planner's estimate, as the one row of EXPLAIN's JSON: `[{"Plan": {"Plan Rows": 3503, …}}]`.
pub fn estimate(plans: &Plans, select: &Select) -> Statement {
    let mut draft = Draft::default();
    let text = matching(plans, select, &mut draft, "EXPLAIN (FORMAT JSON) SELECT FROM ");
    let about = Some(about(plans, select, "EXPLAIN").into());
    Statement { text: text.into(), params: draft.into_params(), columns: [oid::JSON].into(), about }
}

fn matching(plans: &Plans, select: &Select, draft: &mut Draft, verb: &str) -> String {
    let mut scope = Scope::new(plans, select.resource, "t", select.deleted);
    let conditions = conditions(select, draft, &mut scope);
    let mut text = format!("{verb}{}", scope.from());
    push_where(&mut text, &conditions);
    text
}
