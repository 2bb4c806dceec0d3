//! Contracts and tables that do not fit each other, and what is said about it.

mod advice;
mod depends;
mod functions;
mod relations;
mod resources;

use super::Report;

/// Line numbers change with the fixture; what is said does not.
fn said(problems: &[crate::contract::Problem]) -> Vec<String> {
    problems.iter().map(|problem| format!("{}: {}", problem.subject, problem.text)).collect()
}

fn nothing_is_said(report: &Report) {
    assert_eq!((said(&report.problems), said(&report.losses)), (vec![], vec![]));
}
