//! List and Stream requests → a select that goes on behind the page token, and what the answer needs around it.

use super::key::{settle, source};
use super::{Failure, Limits, Request};
use crate::call::{self, Hints, Scope, TotalWanted};
use crate::catalog::Oid;
use crate::contract::options::Reason;
use crate::plan::query::{Deleted, OrderTerm, Output, Rows, Select};
use crate::plan::resource::Read;
use crate::plan::token::{Binding, Keys, Position, Purpose};
use crate::plan::{Method, Plans, Projection, Resource, Violation, filter, name, order, token};
use crate::sql::Param;

/// A page to read.
#[derive(Debug)]
pub struct Listing {
    pub select: Select,
    pub projection: Projection,
    /// Where in `select.outputs` the value of each term of its order stands: a row's position.
    pub position: Vec<usize>,
    /// Rows of a page, or of a chunk.
    pub page: u32,
    /// What tokens are bound to.
    pub bound: Bound,
    pub total: Total,
}

/// The parts of a request that its tokens are good for.
#[derive(Debug)]
pub struct Bound {
    purpose: Purpose,
    method: String,
    parent: String,
    filter: String,
    order: String,
    deleted: Deleted,
    scope: Scope,
    types: Vec<Oid>,
}

/// How many rows there are in all, besides those of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// Nobody asks.
    Unwanted,
    /// Counted on the first page.
    Wanted(TotalWanted),
    /// Carried by the token.
    Known(call::Total),
}

/// The request fields that mean something to List itself; any other is a parent given by its key.
const OWN_FIELDS: [&str; 10] = [
    "parent",
    "page_size",
    "page_token",
    "filter",
    "order_by",
    "read_mask",
    "skip",
    "show_deleted",
    "chunk_size",
    "resume_token",
];

/// What a List is bound with besides the request.
pub struct Context<'a> {
    pub plans: &'a Plans,
    pub method: &'a Method,
    pub resource: usize,
    pub hints: &'a Hints,
    pub scope: &'a Scope,
    pub limits: &'a Limits,
    pub keys: &'a Keys,
    /// Seconds since 1970, for the age of tokens.
    pub now: u64,
}

pub fn list(context: &Context, mut request: Request) -> Result<Listing, Failure> {
    let Context { plans, resource, .. } = *context;
    let mask = request.mask(plans, resource, context.hints);
    let equals = parents(&plans.resources[resource], &mut request);
    let (text, ordered) = (request.text("filter"), request.text("order_by"));
    let filter = filter::bind(plans, resource, &text, &context.limits.filter);
    let filter = request.keep(filter).flatten();
    let order = order::bind(plans, resource, &ordered);
    let order = request.keep(order).unwrap_or_default();
    let size = if request.field("chunk_size").is_some() { "chunk_size" } else { "page_size" };
    let page = request.count(size).unwrap_or(u64::from(context.limits.page_default));
    let page = u32::try_from(page).unwrap_or(u32::MAX).min(context.limits.page_max);
    let skip = request.count("skip").unwrap_or(0);
    let skip = u32::try_from(skip).unwrap_or_else(|_| {
        request.refuse(Reason::FieldInvalid, "skip", format!("is more than {}", u32::MAX));
        0
    });
    request.accept()?;

    let deleted = if request.flag("show_deleted") { Deleted::Shown } else { Deleted::Hidden };
    let bound = Bound::new(context, &request, &equals, deleted, &order);
    let after = after(context, &mut request, &bound);
    request.accept()?;
    let projection = Projection::build(plans, resource, &mask)?;
    let total = total(context, after.as_ref());
    let mut outputs = projection.outputs.clone();
    let position = place(&mut outputs, &plans.resources[resource], &order);
    let select = Select {
        resource,
        outputs,
        rows: Rows::All,
        equals,
        filter,
        deleted,
        order,
        after: after.map(|position| position.values),
        limit: Some(page),
        skip,
    };
    Ok(Listing { select, projection, position, page, bound, total })
}

/// Columns that the parent settles: by its resource name, or by fields of the request.
fn parents(resource: &Resource, request: &mut Request) -> Vec<(usize, Param)> {
    let mut equals = Vec::new();
    let parent = request.text("parent");
    let required = request.field("parent").is_some();
    if required {
        let settled = name::parent(resource, &parent, "parent");
        for (column, bytes) in request.keep(settled).unwrap_or_default() {
            equals.push((column, Param { oid: resource.columns[column].value.oid, value: Some(bytes) }));
        }
    }
    for field in request.descriptor().fields() {
        if OWN_FIELDS.contains(&field.name()) {
            continue;
        }
        // What is left out keeps every row: to ask for a zero, the contract makes the field optional.
        let Some(source) = source(resource, &field).filter(|_| request.has(&field)) else { continue };
        let mut settled = Vec::new();
        let place = || field.name().to_owned();
        let said = settle(resource, source, &field, &request.given(&field), place, &mut settled);
        request.keep(said);
        for (column, value) in settled {
            equals.push((column, Param { oid: resource.columns[column].value.oid, value }));
        }
    }
    equals
}

impl Bound {
    fn new(
        context: &Context,
        request: &Request,
        equals: &[(usize, Param)],
        deleted: Deleted,
        order: &[OrderTerm],
    ) -> Self {
        let plans = context.plans;
        let resource = &plans.resources[context.resource];
        let mut parent = request.text("parent");
        for (column, param) in equals {
            let name = resource.columns[*column].name.as_str();
            parent.push_str(&format!(" {name}={:02x?}", param.value.as_deref()));
        }
        Bound {
            purpose: match request.field("resume_token") {
                Some(_) => Purpose::Resume,
                None => Purpose::Page,
            },
            method: context.method.path.clone(),
            parent,
            filter: request.text("filter"),
            order: request.text("order_by"),
            deleted,
            scope: context.scope.clone(),
            types: order.iter().map(|term| term.of(plans, context.resource).value.oid).collect(),
        }
    }

    pub fn binding(&self) -> Binding<'_> {
        Binding {
            purpose: self.purpose,
            method: &self.method,
            parent: &self.parent,
            filter: &self.filter,
            order: &self.order,
            deleted: self.deleted,
            scope: &self.scope,
            types: &self.types,
        }
    }
}

/// A column of the answer that goes out as it is tells the position too; others are added.
fn place(outputs: &mut Vec<Output>, resource: &Resource, order: &[OrderTerm]) -> Vec<usize> {
    let place = |(at, term): (usize, &OrderTerm)| {
        let same = Output::Column { column: term.column, read: Read::Binary };
        let plain = term.path.is_empty() && resource.columns[term.column].value.cast.is_none();
        let known = outputs.iter().position(|output| plain && *output == same);
        known.unwrap_or_else(|| {
            outputs.push(Output::Order(at));
            outputs.len() - 1
        })
    };
    order.iter().enumerate().map(place).collect()
}

fn after(context: &Context, request: &mut Request, bound: &Bound) -> Option<Position> {
    let field = if request.field("resume_token").is_some() { "resume_token" } else { "page_token" };
    let text = request.text(field);
    if text.is_empty() {
        return None;
    }
    let age_max = context.limits.token_age_max;
    let opened: Result<Position, Violation> =
        token::open(context.keys, &bound.binding(), &text, context.now, age_max, field);
    request.keep(opened)
}

fn total(context: &Context, position: Option<&Position>) -> Total {
    let field = context.method.output.get_field_by_name("total_size");
    let wanted = match (context.hints.total, field) {
        (Some(wanted), _) => wanted,
        (None, Some(_)) => TotalWanted::Estimated,
        (None, None) => return Total::Unwanted,
    };
    match position.and_then(|position| position.total) {
        Some(known) => Total::Known(known),
        None => Total::Wanted(wanted),
    }
}
