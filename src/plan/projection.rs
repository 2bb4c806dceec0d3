//! A read mask → the columns to select and the fields to write, with those of relations inside.

use std::sync::Arc;

use super::codec::FieldCodec;
use super::query::Output;
use super::resource::NamePattern;
use super::value::ValueType;

/// What of a resource goes out. Result columns are positions in `outputs`.
#[derive(Debug, Clone)]
pub struct Projection {
    /// Position in `Plans::resources`.
    pub resource: usize,
    pub outputs: Vec<Output>,
    /// In order of field number.
    pub fields: Vec<Written>,
    pub relations: Vec<Related>,
    /// Where the key's columns are, in binary form, with their types: for naming a row in an error.
    pub key: Vec<(usize, ValueType)>,
}

/// A field and where its value comes from.
#[derive(Debug, Clone)]
pub struct Written {
    pub name: Arc<str>,
    pub number: u32,
    pub value: WrittenValue,
}

#[derive(Debug, Clone)]
pub enum WrittenValue {
    Column {
        at: usize,
        codec: Arc<FieldCodec>,
    },
    Name(Arc<WrittenName>),
    /// Position in `Projection::relations`.
    Relation(usize),
}

/// A resource name to be written: absent when any of its columns is NULL.
#[derive(Debug, Clone)]
pub struct WrittenName {
    pub parts: Vec<NamePart>,
}

#[derive(Debug, Clone)]
pub enum NamePart {
    /// Segments and slashes as they stand.
    Literal(String),
    /// A result column in binary form, percent-encoded as a segment.
    Column { at: usize, value: ValueType },
}

/// A relation that the mask names.
#[derive(Debug, Clone)]
pub struct Related {
    /// Position in the resource's `relations`.
    pub relation: usize,
    /// Where the near columns of its link are, in binary form.
    pub near: Vec<usize>,
    pub projection: Projection,
    /// The path from the call's resource, as `rowcall-truncated` names it.
    pub path: String,
}
