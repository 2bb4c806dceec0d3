//! A method of the contract, settled: what it answers with and what its request may say.

use std::sync::Arc;

use prost_reflect::{FieldDescriptor, MessageDescriptor};

use super::Plans;
use super::projection::Projection;
use super::resource::Read;
use super::value::ValueType;
use crate::catalog::Oid;
use crate::contract::{self, Problem};

#[derive(Debug)]
pub struct Method {
    /// `/chinook.v1.ChinookService/GetTrack`.
    pub path: String,
    pub input: MessageDescriptor,
    pub output: MessageDescriptor,
    pub kind: Kind,
}

#[derive(Debug)]
pub enum Kind {
    Get {
        resource: usize,
    },
    BatchGet {
        resource: usize,
        rows: FieldDescriptor,
    },
    List {
        resource: usize,
        rows: FieldDescriptor,
    },
    Stream {
        resource: usize,
        rows: FieldDescriptor,
    },
    Function(Function),
    /// The method does not fit: it answers RESOURCE_UNFIT.
    Unfit(Vec<Problem>),
    /// Nobody has seen the database yet: it answers DATABASE_UNREACHABLE.
    Unseen,
}

/// A Postgres function or a file of SQL.
#[derive(Debug)]
pub struct Function {
    pub call: FunctionCall,
    pub arguments: Vec<Argument>,
    pub row: RowShape,
    pub answer: Answer,
    /// Declared VOLATILE: every statement in it sees the database as it is then.
    pub volatile: bool,
}

#[derive(Debug)]
pub enum FunctionCall {
    /// A function's quoted, qualified name, called with named arguments.
    Routine(String),
    /// The text of a query, its arguments `$1`, `$2`, … in order.
    Query(Arc<str>),
}

#[derive(Debug)]
pub struct Argument {
    pub name: String,
    pub value: ValueType,
    /// None when the request has no such field: the default is taken.
    pub field: Option<FieldDescriptor>,
    pub optional: bool,
}

/// A result row: what is selected, and the message it becomes.
#[derive(Debug)]
pub struct RowShape {
    /// In the order that `projection` counts by.
    pub columns: Vec<RowColumn>,
    pub projection: Projection,
}

#[derive(Debug, Clone)]
pub struct RowColumn {
    /// Empty for the only column of a function that returns a scalar.
    pub name: String,
    /// The type results have: the column's, a domain's base type.
    pub oid: Oid,
    pub read: Read,
}

/// Where the rows go.
#[derive(Debug, Clone)]
pub enum Answer {
    Message,
    Repeated { number: u32 },
    StreamOfMessages,
    StreamOfChunks { number: u32 },
}

impl Method {
    pub fn new(promised: &contract::Method, kind: Kind) -> Self {
        let descriptor = &promised.descriptor;
        Method {
            path: format!("/{}/{}", descriptor.parent_service().full_name(), descriptor.name()),
            input: descriptor.input(),
            output: descriptor.output(),
            kind,
        }
    }
}

impl Kind {
    /// What the method does, in words.
    pub fn summary(&self, plans: &Plans) -> String {
        let of = |resource: &usize| {
            let resource = &plans.resources[*resource];
            format!(
                "{}, from table {}.{}",
                resource.message.name(),
                resource.table.schema,
                resource.table.name
            )
        };
        match self {
            Kind::Get { resource } => format!("one {}, by its key", of(resource)),
            Kind::BatchGet { resource, .. } => format!("several {}, by their keys", of(resource)),
            Kind::List { resource, .. } => format!("a page of {}", of(resource)),
            Kind::Stream { resource, .. } => format!("all {}, chunk by chunk", of(resource)),
            Kind::Function(Function { call: FunctionCall::Routine(name), .. }) => format!("function {name}"),
            Kind::Function(Function { call: FunctionCall::Query(_), .. }) => "a file of SQL".to_owned(),
            Kind::Unfit(_) => "does not fit the database".to_owned(),
            Kind::Unseen => "waits for the database".to_owned(),
        }
    }
}
