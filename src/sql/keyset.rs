//! An order and the last row's values in it → the conditions of the rows behind it, in branches.
//!
//! A row behind the position satisfies exactly one branch. There is never an OR: Postgres answers
//! a branch by a range of an index, an OR by reading everything. NULLs sort last ascending and
//! first descending.

use super::Param;
use super::draft::Draft;
use crate::plan::query::Direction;

/// One term of an order at a position.
pub struct Term {
    /// The column, as an expression.
    pub expression: String,
    pub direction: Direction,
    pub nullable: bool,
    pub value: Param,
    pub cast: Option<String>,
}

/// Each branch is a list of conditions that all hold.
pub fn branches(draft: &mut Draft, terms: &[Term]) -> Vec<Vec<String>> {
    let values: Vec<Option<String>> = terms
        .iter()
        .map(|t| t.value.value.is_some().then(|| draft.param(t.value.clone(), t.cast.as_deref())))
        .collect();
    let mut branches = Vec::new();
    let mut at = 0;
    while at < terms.len() {
        let prefix: Vec<String> = (0..at).map(|i| equal(&terms[i], values[i].as_deref())).collect();
        let branch = |condition: String| prefix.iter().cloned().chain([condition]).collect::<Vec<_>>();
        if values[at].is_none() {
            // Behind NULL: nothing when ascending, every value when descending.
            if terms[at].direction == Direction::Descending {
                branches.push(branch(format!("{} IS NOT NULL", terms[at].expression)));
            }
            at += 1;
            continue;
        }
        let end = run_end(terms, &values, at);
        branches.push(branch(compare(&terms[at..end], &values[at..end])));
        for i in at..end {
            if terms[i].nullable && terms[i].direction == Direction::Ascending {
                let mut conditions: Vec<String> =
                    (0..i).map(|j| equal(&terms[j], values[j].as_deref())).collect();
                conditions.push(format!("{} IS NULL", terms[i].expression));
                branches.push(conditions);
            }
        }
        at = end;
    }
    branches
}

/// Where the terms end that one row comparison covers: all one way, all with a value. A NULL in
/// the table makes a row comparison NULL unless an earlier column decides it, so nullable columns
/// may take part; the branches with IS NULL add what it leaves out.
fn run_end(terms: &[Term], values: &[Option<String>], start: usize) -> usize {
    (start..terms.len())
        .find(|&i| values[i].is_none() || terms[i].direction != terms[start].direction)
        .unwrap_or(terms.len())
}

fn compare(terms: &[Term], values: &[Option<String>]) -> String {
    let operator = match terms[0].direction {
        Direction::Ascending => ">",
        Direction::Descending => "<",
    };
    let left: Vec<&str> = terms.iter().map(|t| t.expression.as_str()).collect();
    let right: Vec<&str> = values.iter().flatten().map(String::as_str).collect();
    match (&left[..], &right[..]) {
        ([left], [right]) => format!("{left} {operator} {right}"),
        _ => format!("({}) {operator} ({})", left.join(", "), right.join(", ")),
    }
}

fn equal(term: &Term, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("{} = {value}", term.expression),
        None => format!("{} IS NULL", term.expression),
    }
}
