//! A read mask → the columns to select and the fields to write, with those of relations inside.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Plans;
use super::codec::FieldCodec;
use super::mask::Mask;
use super::query::Output;
use super::resource::{Read, Source};
use super::value::ValueType;
use crate::contract::Problem;

/// Everything but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

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
    /// The row's resource name, for the same, whether or not the mask asks for it.
    pub row_name: Option<Arc<WrittenName>>,
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

/// Writes a key's value as a segment of a name. `-` alone means all, so as a value it is escaped.
pub fn encode_segment(value: &str, out: &mut String) {
    match value {
        "-" => out.push_str("%2D"),
        _ => out.extend(utf8_percent_encode(value, SEGMENT)),
    }
}

/// A relation in the mask whose resource does not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    pub path: String,
    pub problems: Vec<Problem>,
}

impl Projection {
    /// What a mask asks of a resource.
    pub fn build(plans: &Plans, resource: usize, mask: &Mask) -> Result<Self, Unfit> {
        Builder { plans, resource, outputs: Vec::new() }.build(mask, "")
    }

    /// Of a function's row: result columns are those of its shape, and nothing names the row.
    pub fn of_row(fields: Vec<Written>) -> Self {
        Projection {
            resource: 0,
            outputs: Vec::new(),
            fields,
            relations: Vec::new(),
            key: Vec::new(),
            row_name: None,
        }
    }

    /// Relations inside, and inside of those: how many further statements wait for one another.
    pub fn depth(&self) -> usize {
        self.relations.iter().map(|r| 1 + r.projection.depth()).max().unwrap_or(0)
    }
}

struct Builder<'a> {
    plans: &'a Plans,
    resource: usize,
    outputs: Vec<Output>,
}

impl Builder<'_> {
    fn build(mut self, mask: &Mask, path: &str) -> Result<Projection, Unfit> {
        let resource = &self.plans.resources[self.resource];
        let mut fields = Vec::new();
        let mut relations = Vec::new();
        for (at, field) in resource.fields.iter().enumerate() {
            if !mask.includes(at, &field.source) {
                continue;
            }
            let value = match &field.source {
                Source::Column { column, read, codec, .. } => {
                    WrittenValue::Column { at: self.select(*column, *read), codec: codec.clone() }
                }
                Source::Name => WrittenValue::Name(self.name(&resource.names[0])),
                Source::Reference(pattern) => WrittenValue::Name(self.name(pattern)),
                Source::Relation(relation) => {
                    let inside = mask.fields.get(&at).cloned().unwrap_or_else(Mask::all);
                    let path = match path {
                        "" => field.name.to_string(),
                        _ => format!("{path}.{}", field.name),
                    };
                    relations.push(self.related(*relation, &inside, path)?);
                    WrittenValue::Relation(relations.len() - 1)
                }
            };
            fields.push(Written { name: field.name.clone(), number: field.number, value });
        }
        let key = resource
            .key
            .iter()
            .map(|&column| (self.select(column, Read::Binary), resource.columns[column].value.clone()));
        let key = key.collect();
        // Its variables are the key's columns, so that nothing more is read.
        let row_name = resource.names.first().map(|pattern| self.name(pattern));
        Ok(Projection { resource: self.resource, outputs: self.outputs, fields, relations, key, row_name })
    }

    fn name(&mut self, pattern: &super::resource::NamePattern) -> Arc<WrittenName> {
        let resource = &self.plans.resources[self.resource];
        // `written_name` asks in the pattern's order, once per variable.
        let positions: Vec<(usize, usize)> =
            pattern.columns().map(|column| (column, self.select(column, Read::Binary))).collect();
        let at = |column| positions.iter().find(|(c, _)| *c == column).map_or(0, |(_, at)| *at);
        Arc::new(resource.written_name(pattern, at))
    }

    fn related(&mut self, relation: usize, mask: &Mask, path: String) -> Result<Related, Unfit> {
        let plan = &self.plans.resources[self.resource].relations[relation];
        let target = &self.plans.resources[plan.target];
        if !target.problems.is_empty() {
            return Err(Unfit { path, problems: target.problems.clone() });
        }
        let near = plan.link.near().into_iter().map(|column| self.select(column, Read::Binary)).collect();
        let inside = Builder { plans: self.plans, resource: plan.target, outputs: Vec::new() };
        let projection = inside.build(mask, &path)?;
        Ok(Related { relation, near, projection, path })
    }

    /// Where a column is in the result; the first use adds it.
    fn select(&mut self, column: usize, read: Read) -> usize {
        let wanted = Output::Column { column, read };
        if let Some(known) = self.outputs.iter().position(|output| *output == wanted) {
            return known;
        }
        self.outputs.push(wanted);
        self.outputs.len() - 1
    }
}
