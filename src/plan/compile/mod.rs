//! Contract × catalog → plans, and a report of what does not fit, what is lost and which index is missing.
//!
//! Four passes, because each needs what the one before settled: resources, their relations, what they depend on, methods.

mod advice;
mod depends;
mod edges;
mod fields;
mod functions;
mod methods;
mod names;
mod relations;
mod resources;

use std::sync::Arc;

pub use advice::Advice;

use super::{Plans, Resource};
use crate::catalog::Catalog;
use crate::contract::{Contract, Place, Problem, digest};

/// What `check` prints, each list in the contract's order.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What does not serve, and why.
    pub problems: Vec<Problem>,
    /// What serves, but with less than the column holds.
    pub losses: Vec<Problem>,
    /// Indexes that a method's orders or filters would need.
    pub advice: Vec<Advice>,
}

/// Never fails: what does not fit is part of the plans and of the report.
pub fn compile(contract: Arc<Contract>, catalog: &Catalog) -> (Plans, Report) {
    let mut report = Report { problems: contract.problems.clone(), ..Report::default() };
    let drafts: Vec<Resource> = contract
        .resources
        .iter()
        .map(|promised| resources::compile(promised, &contract, catalog, &mut report))
        .collect();
    let mut plans = Plans::new(contract.clone(), drafts);
    plans.digest = format!("{}.{}", digest(&contract), catalog.fingerprint);
    relations::compile(&mut plans, catalog, &mut report);
    depends::compile(&mut plans, catalog, &mut report);
    for service in &contract.services {
        for promised in &service.methods {
            let method = methods::compile(promised, &plans, catalog, &mut report);
            plans.methods.insert(method.path.clone(), Arc::new(method));
        }
    }
    advice::collect(&plans, catalog, &mut report);
    report.problems.sort();
    report.problems.dedup();
    report.losses.sort();
    report.losses.dedup();
    (plans, report)
}

/// `Track.title`, with the place of the field.
fn problem(place: &Place, subject: impl Into<String>, text: impl Into<String>) -> Problem {
    Problem { place: place.clone(), subject: subject.into(), text: text.into() }
}

/// `"a", "b" or "c"`.
fn either<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("{:?}", n.as_ref())).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests;
