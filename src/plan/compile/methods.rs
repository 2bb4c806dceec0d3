//! A promised method → what it does, or why it does not serve.

use super::{Report, functions, problem};
use crate::catalog::Catalog;
use crate::contract::{self, Problem, Shape};
use crate::plan::method::Kind;
use crate::plan::{Method, Plans};

pub(super) fn compile(
    promised: &contract::Method,
    plans: &Plans,
    catalog: &Catalog,
    report: &mut Report,
) -> Method {
    let descriptor = &promised.descriptor;
    let kind = match settle(promised, plans, catalog, report) {
        Ok(kind) => kind,
        Err(problems) => Kind::Unfit(problems),
    };
    Method {
        path: format!("/{}/{}", descriptor.parent_service().full_name(), descriptor.name()),
        input: descriptor.input(),
        output: descriptor.output(),
        kind,
    }
}

fn settle(
    promised: &contract::Method,
    plans: &Plans,
    catalog: &Catalog,
    report: &mut Report,
) -> Result<Kind, Vec<Problem>> {
    let mut own = |text: String| {
        let found = problem(&promised.place, promised.descriptor.name(), text);
        report.problems.push(found.clone());
        vec![found]
    };
    let shape = match &promised.shape {
        Ok(shape) => shape.clone(),
        Err(found) => {
            report.problems.push(found.clone());
            return Err(vec![found.clone()]);
        }
    };
    let served = |resource: usize| {
        let problems = &plans.resources[resource].problems;
        if problems.is_empty() { Ok(resource) } else { Err(problems.clone()) }
    };
    let mut keyed = |resource: usize| {
        if plans.resources[served(resource)?].key.is_empty() {
            let name = plans.resources[resource].message.name();
            return Err(own(format!(
                "{name} has no key to find, order or page rows by: add a primary key, or give (rowcall.v1.table).key"
            )));
        }
        Ok(resource)
    };
    match shape {
        Shape::Get { resource } => Ok(Kind::Get { resource: keyed(resource)? }),
        Shape::BatchGet { resource, rows } => Ok(Kind::BatchGet { resource: keyed(resource)?, rows }),
        Shape::List { resource, rows } => Ok(Kind::List { resource: keyed(resource)?, rows }),
        Shape::Stream { resource, rows } => Ok(Kind::Stream { resource: keyed(resource)?, rows }),
        Shape::Routine { name, answer } => {
            functions::routine(promised, &name, answer, plans, catalog).map(Kind::Function).map_err(own)
        }
        Shape::Query { path, answer, .. } => {
            functions::query(promised, &path, answer, plans, catalog).map(Kind::Function).map_err(own)
        }
    }
}
