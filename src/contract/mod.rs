//! What the `.proto` promises: `.proto` folders or descriptor sets → a `Contract`, or every problem at once.
//!
//! Pure but for reading the files it is pointed at.

mod annotation;
mod compile;
mod digest;
mod export;
mod import;
mod library;
mod load;
mod method;
mod omit;
mod own;
mod pattern;
mod place;
mod private;
mod reflection;
mod request;
mod resource;
mod source;
mod table;
mod word;

use std::fmt;
use std::path::PathBuf;

use prost_reflect::{
    DescriptorPool, FieldDescriptor, FileDescriptor, MessageDescriptor, MethodDescriptor, ServiceDescriptor,
};

/// The Rust form of `rowcall/v1/options.proto` and `reason.proto`.
pub mod options {
    include!(concat!(env!("OUT_DIR"), "/rowcall.v1.rs"));
}

pub use annotation::{column, label};
pub use digest::digest;
pub use export::{ExportError, Plain, export};
pub use load::load;
pub use reflection::{ReflectOptions, reflection};

/// A compiled contract.
#[derive(Debug, Clone)]
pub struct Contract {
    pub pool: DescriptorPool,
    pub services: Vec<Service>,
    /// Every message that is served from a table, those reached only as relations included.
    pub resources: Vec<Resource>,
    /// Every file of the pool, imports before those that import them.
    pub files: Vec<File>,
    /// What methods do wrong, all of it; `Method::shape` has each method's first.
    pub problems: Vec<Problem>,
}

impl Contract {
    /// Whether requests may have `buf.validate` rules: only a file that imports them can state any.
    pub fn has_rules(&self) -> bool {
        let rules = |file: FileDescriptor| file.name() == "buf/validate/validate.proto";
        self.pool.files().any(|file| file.dependencies().any(rules))
    }
}

#[derive(Debug, Clone)]
pub struct File {
    /// As imports name it.
    pub name: String,
    pub origin: Origin,
    /// None when it came from a descriptor set, or is a well-known one that every compiler carries.
    pub text: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Among the paths that were given: its services are served.
    Given,
    Imported,
}

#[derive(Debug, Clone)]
pub struct Service {
    pub descriptor: ServiceDescriptor,
    pub methods: Vec<Method>,
}

/// A method of the user's and the shape it was recognised by.
#[derive(Debug, Clone)]
pub struct Method {
    pub descriptor: MethodDescriptor,
    /// `Err` is the method's own problem: it answers RESOURCE_UNFIT, the rest serves.
    pub shape: Result<Shape, Problem>,
    /// Request fields with the name and type of a scalar field of the resource: what names the row of a Get without `name`;
    /// what the rows of a List or Stream must equal. Empty for other shapes.
    pub keys: Vec<FieldDescriptor>,
    pub place: Place,
}

/// What a method does. Resources are positions in `Contract::resources`.
#[derive(Debug, Clone)]
pub enum Shape {
    Get {
        resource: usize,
    },
    /// `rows` is the repeated field of the response.
    BatchGet {
        resource: usize,
        rows: FieldDescriptor,
    },
    List {
        resource: usize,
        rows: FieldDescriptor,
    },
    /// As List, chunk by chunk.
    Stream {
        resource: usize,
        rows: FieldDescriptor,
    },
    /// A Postgres function, as the option names it.
    Routine {
        name: String,
        answer: Answer,
    },
    /// A file of SQL: the path the option gives, and its text.
    Query {
        path: String,
        text: String,
        answer: Answer,
    },
}

/// Where the rows of a function or a query go.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The result message is the one row.
    Message(MessageDescriptor),
    /// The result's only repeated message field holds the rows.
    Repeated(FieldDescriptor),
    /// Every message of the stream is one row.
    StreamOfMessages(MessageDescriptor),
    /// Every message of the stream holds a chunk of rows in this field.
    StreamOfChunks(FieldDescriptor),
}

/// A message served from a table.
#[derive(Debug, Clone)]
pub struct Resource {
    pub message: MessageDescriptor,
    /// `google.api.resource.type`, for example `chinook.example.com/Track`.
    pub kind: Option<String>,
    pub patterns: Vec<Pattern>,
    /// snake_case candidates for the table's name when the option gives none: plural, then singular.
    pub table_names: Vec<String>,
    pub table: options::Table,
    pub fields: Vec<Field>,
    pub place: Place,
}

#[derive(Debug, Clone)]
pub struct Field {
    pub descriptor: FieldDescriptor,
    pub role: Role,
    pub column: options::Column,
    pub place: Place,
}

/// What a field of a resource is.
#[derive(Debug, Clone)]
pub enum Role {
    /// The row's own resource name (IDENTIFIER, or the field the resource option names).
    Name,
    /// The resource name of another row: `google.api.resource_reference.type`.
    Reference(String),
    /// A message or repeated message that is itself a resource: a position in `Contract::resources`.
    Relation { resource: usize, options: options::Relation },
    /// Any other field: a column.
    Column,
}

/// A resource name pattern: `albums/{album}/tracks/{track}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pub segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    Literal(String),
    Variable(String),
}

/// Where in a contract something stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// As the contract's own imports name it.
    pub file: String,
    /// From 1; 0 when the descriptor carries no source.
    pub line: u32,
}

/// Something wrong: `chinook.proto:31: Track.title: column "track.name" is varchar, field is int64: use string`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub place: Place,
    /// Message, field, service or method, without the package.
    pub subject: String,
    /// What is wrong and what to do.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.file.is_empty() {
            write!(f, "{}:", self.place.file)?;
            if self.place.line > 0 {
                write!(f, "{}:", self.place.line)?;
            }
            f.write_str(" ")?;
        }
        if !self.subject.is_empty() {
            write!(f, "{}: ", self.subject)?;
        }
        f.write_str(&self.text)
    }
}

/// What to load: folders of `.proto` files, `.proto` files, or compiled descriptor sets.
#[derive(Debug, Clone)]
pub struct Source {
    pub paths: Vec<PathBuf>,
}

#[cfg(test)]
mod tests;
