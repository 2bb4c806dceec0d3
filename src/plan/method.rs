//! A method of the contract, settled: what it answers with and what its request may say.

use std::sync::Arc;

use prost_reflect::{FieldDescriptor, MessageDescriptor};

use super::codec::FieldCodec;
use super::resource::Read;
use super::value::ValueType;
use crate::catalog::Oid;
use crate::contract::Problem;

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
}

/// A Postgres function or a file of SQL.
#[derive(Debug)]
pub struct Function {
    /// The statement's text, but for the arguments left out in favour of their defaults.
    pub call: FunctionCall,
    pub arguments: Vec<Argument>,
    pub row: Arc<RowShape>,
    pub answer: Answer,
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

/// A result row and the message it becomes.
#[derive(Debug)]
pub struct RowShape {
    pub message: MessageDescriptor,
    pub columns: Vec<RowColumn>,
}

#[derive(Debug)]
pub struct RowColumn {
    pub name: String,
    /// The type results have: the column's, a domain's base type.
    pub oid: Oid,
    pub read: Read,
    pub number: u32,
    pub codec: Arc<FieldCodec>,
}

/// Where the rows go.
#[derive(Debug, Clone)]
pub enum Answer {
    Message,
    Repeated { number: u32 },
    StreamOfMessages,
    StreamOfChunks { number: u32 },
}
