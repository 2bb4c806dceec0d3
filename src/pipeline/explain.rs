//! A method and a request → the statements that a call would run, without running them.

use bytes::Bytes;

use super::list::Probe;
use super::{Pipeline, decode, lookup, unfit, unseen};
use crate::call::{Call, TotalWanted};
use crate::error::Error;
use crate::plan::bind::{self, Lookup, Total};
use crate::plan::method::Kind;
use crate::plan::query::Deleted;
use crate::plan::{Method, Plans, Projection};
use crate::sql::{self, Statement};

/// A statement and what it is for: `page`, `total`, or the path of a relation.
#[derive(Debug)]
pub struct Planned {
    pub purpose: String,
    pub statement: Statement,
}

impl Pipeline {
    /// In the order they run. Statements of relations are shown with no keys, which the rows before
    /// them would bring.
    pub fn statements(
        &self,
        plans: &Plans,
        method: &Method,
        call: &Call,
        request: Bytes,
    ) -> Result<Vec<Planned>, Error> {
        let mut planned = Vec::new();
        let mut plan = |purpose: &str, statement| {
            planned.push(Planned { purpose: purpose.to_owned(), statement });
        };
        match &method.kind {
            Kind::Get { resource } => {
                let wanted = bind::get(plans, *resource, decode(plans, method, request)?, &call.hints)?;
                let lookup = Lookup::new(plans, *resource, &wanted.mask, vec![wanted.key])?;
                plan("row", sql::render(plans, &lookup::select(&plans.resources[*resource], &lookup)));
                relations(plans, &lookup.projection, Deleted::Hidden, &mut planned);
            }
            Kind::BatchGet { resource, .. } => {
                let request = decode(plans, method, request)?;
                let (_, lookup) =
                    bind::batch_get(plans, *resource, request, &call.hints, &self.settings.limits)?;
                plan("rows", sql::render(plans, &lookup::select(&plans.resources[*resource], &lookup)));
                relations(plans, &lookup.projection, Deleted::Hidden, &mut planned);
            }
            Kind::List { resource, .. } | Kind::Stream { resource, .. } => {
                let mut listing = self.bind_list(plans, method, *resource, call, request)?;
                let probe = match method.kind {
                    Kind::Stream { .. } => Probe::Full,
                    _ => Probe::OneMore,
                };
                listing.select.limit = Some(probe.limit(listing.page));
                plan("page", sql::render(plans, &listing.select));
                match listing.total {
                    Total::Wanted(TotalWanted::Exact) => {
                        plan("total", sql::count(plans, &listing.select, None))
                    }
                    Total::Wanted(TotalWanted::Estimated) => {
                        let most = Some(self.settings.total_exact_max);
                        plan("total", sql::count(plans, &listing.select, most));
                        plan("total estimated", sql::estimate(plans, &listing.select));
                    }
                    Total::Unwanted | Total::Known(_) => {}
                }
                relations(plans, &listing.projection, listing.select.deleted, &mut planned);
            }
            Kind::Function(function) => {
                let params = bind::function(function, decode(plans, method, request)?)?;
                plan("function", sql::call(function, &params));
            }
            Kind::Unfit(problems) => return Err(unfit(method, problems)),
            Kind::Unseen => return Err(unseen()),
        }
        Ok(planned)
    }
}

fn relations(plans: &Plans, projection: &Projection, deleted: Deleted, planned: &mut Vec<Planned>) {
    let resource = &plans.resources[projection.resource];
    for related in &projection.relations {
        let relation = &resource.relations[related.relation];
        let empty = |column: usize| resource.columns[column].value.array([].into_iter());
        let arrays = relation.link.near().into_iter().map(empty).collect();
        let select = super::relations::select(projection.resource, relation, related, arrays, deleted);
        planned.push(Planned { purpose: related.path.clone(), statement: sql::render(plans, &select) });
        relations(plans, &related.projection, deleted, planned);
    }
}
