//! A promised method → what it does, or why it does not serve.

use prost_reflect::MessageDescriptor;

use super::{Report, functions, problem};
use crate::catalog::Catalog;
use crate::contract::{self, Problem, Shape};
use crate::plan::method::Kind;
use crate::plan::resource::Source;
use crate::plan::{Method, Plans, Resource};

pub(super) fn compile(
    promised: &contract::Method,
    plans: &Plans,
    catalog: &Catalog,
    report: &mut Report,
) -> Method {
    let kind = match settle(promised, plans, catalog, report) {
        Ok(kind) => kind,
        Err(problems) => Kind::Unfit(problems),
    };
    Method::new(promised, kind)
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
        Shape::Get { resource } => {
            let resource = keyed(resource)?;
            match says_key(&plans.resources[resource], &promised.descriptor.input()) {
                Ok(()) => Ok(Kind::Get { resource }),
                Err(text) => Err(own(text)),
            }
        }
        Shape::BatchGet { resource, rows } => {
            let resource = keyed(resource)?;
            let requests = promised.descriptor.input().get_field_by_name("requests");
            let said = match requests.map(|field| field.kind()) {
                Some(prost_reflect::Kind::Message(get)) => says_key(&plans.resources[resource], &get),
                _ => Ok(()),
            };
            match said {
                Ok(()) => Ok(Kind::BatchGet { resource, rows }),
                Err(text) => Err(own(text)),
            }
        }
        Shape::List { resource, rows } => Ok(Kind::List { resource: keyed(resource)?, rows }),
        Shape::Stream { resource, rows } => Ok(Kind::Stream { resource: keyed(resource)?, rows }),
        Shape::Routine { name, answer } => {
            let function = functions::routine(promised, &name, answer, plans, catalog).map_err(own)?;
            if functions::may_write(promised, &name, catalog) {
                let text = format!(
                    "function {name:?} is VOLATILE, so it may write, which fails here: mark it STABLE if it only reads"
                );
                report.losses.push(problem(&promised.place, promised.descriptor.name(), text));
            }
            Ok(Kind::Function(function))
        }
        Shape::Query { path, answer, .. } => {
            functions::query(promised, &path, answer, plans, catalog).map(Kind::Function).map_err(own)
        }
    }
}

/// A Get without `name` has to say every column of the key, and nothing else of the row.
fn says_key(resource: &Resource, request: &MessageDescriptor) -> Result<(), String> {
    if !resource.names.is_empty() && request.get_field_by_name("name").is_some() {
        return Ok(());
    }
    let mut said: Vec<usize> = Vec::new();
    for field in request.fields() {
        let columns: Vec<usize> = match resource.field(field.name()).map(|found| &found.source) {
            Some(Source::Column { column, .. }) => vec![*column],
            Some(Source::Reference(pattern)) => pattern.columns().collect(),
            _ => continue,
        };
        if columns.iter().any(|column| !resource.key.contains(column)) {
            return Err(format!(
                "request field {:?} is no part of the key of {}: leave it out",
                field.name(),
                resource.message.name()
            ));
        }
        said.extend(columns);
    }
    match resource.key.iter().find(|column| !said.contains(column)) {
        None => Ok(()),
        Some(&column) => Err(format!(
            "the request does not say key column {:?}: add the field of {} that shows it",
            resource.columns[column].name.as_str(),
            resource.message.name()
        )),
    }
}
