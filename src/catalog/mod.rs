//! What Postgres has, as values: tables, types and functions, read once per load.
//!
//! Only `introspect` touches the world; everything else here is data, so that plans can be
//! compiled and tested without a database.

pub mod answer;
pub mod arguments;
pub mod introspect;

use std::collections::HashMap;

/// A Postgres object identifier.
pub type Oid = u32;

/// Everything Rowcall knows about a database.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    pub server: Server,
    pub tables: Vec<Table>,
    pub types: HashMap<Oid, Type>,
    pub functions: Vec<Function>,
    /// What each view reads.
    pub views: HashMap<Oid, View>,
    /// What tables inherit from, partitions included.
    pub parents: HashMap<Oid, Vec<Oid>>,
    /// The query files of the contract, by the path the contract names them with.
    pub queries: HashMap<String, Result<DescribedQuery, String>>,
    /// What transactions below this id did is in it: the xmin of the snapshot that it was read with.
    pub since: u64,
    /// SHA-256, in hex, of all of the above but estimates and queries: equal when no DDL happened.
    pub fingerprint: String,
}

/// The server's own facts.
#[derive(Debug, Clone, Default)]
pub struct Server {
    /// As `server_version_num`: 150018 is 15.18.
    pub version: u32,
    /// `server_encoding`, for example `UTF8`.
    pub encoding: String,
    /// The schemas of the search path that exist, first wins.
    pub search_path: Vec<String>,
}

/// A table, view, materialised view, partitioned or foreign table.
#[derive(Debug, Clone)]
pub struct Table {
    pub oid: Oid,
    pub schema: String,
    pub name: String,
    pub kind: TableKind,
    /// In attribute order, dropped ones left out.
    pub columns: Vec<Column>,
    /// Positions in `columns`, in the key's order; empty when there is none.
    pub primary_key: Vec<usize>,
    pub foreign_keys: Vec<ForeignKey>,
    pub indexes: Vec<Index>,
    pub row_security: bool,
    /// The planner's estimate of rows, a partitioned table's leaves summed; negative when never analysed.
    pub rows_estimate: f64,
    /// Whether the connected role may SELECT every column.
    pub readable: bool,
    /// Whether it may SELECT from the table as a whole, columns to come included.
    pub readable_whole: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    Table,
    Partitioned,
    View,
    MaterializedView,
    Foreign,
}

/// A view, by what is behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Tables and views that it names, those of Postgres itself included.
    pub relations: Vec<Oid>,
    /// The same rows give the same answer: it asks no clock, and calls nothing that may read what it does not name.
    pub steady: bool,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub attnum: i16,
    /// The declared type, which may be a domain.
    pub type_oid: Oid,
    /// As `atttypmod`; -1 when there is none.
    pub type_mod: i32,
    /// NOT NULL on the column or on its domain.
    pub not_null: bool,
    pub collation: Option<Collation>,
    pub comment: Option<String>,
    /// Whether the connected role may SELECT this column.
    pub readable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Collation {
    pub schema: String,
    pub name: String,
    pub deterministic: bool,
}

/// A foreign key, from this table's columns to another's, pairwise.
#[derive(Debug, Clone)]
pub struct ForeignKey {
    pub name: String,
    /// Positions in this table's `columns`.
    pub columns: Vec<usize>,
    pub target: Oid,
    /// Names in the target table, pairwise with `columns`.
    pub target_columns: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Index {
    pub name: String,
    /// Access method: `btree`, `gin`, …
    pub method: String,
    pub unique: bool,
    /// Valid and ready, so that the planner may use it.
    pub valid: bool,
    /// A partial index serves only what its predicate covers.
    pub partial: bool,
    pub keys: Vec<IndexKey>,
}

#[derive(Debug, Clone)]
pub struct IndexKey {
    /// Position in the table's `columns`; None for an expression, or for a column that a B-tree
    /// sorts by another rule (collation, operator class) than `ORDER BY` does.
    pub column: Option<usize>,
    pub descending: bool,
    pub nulls_first: bool,
}

/// A type, by what its values are made of.
#[derive(Debug, Clone)]
pub struct Type {
    pub oid: Oid,
    pub schema: String,
    /// `pg_type.typname`, for example `int4`.
    pub name: String,
    /// The array type over this one; 0 when there is none.
    pub array_oid: Oid,
    pub kind: TypeKind,
}

#[derive(Debug, Clone)]
pub enum TypeKind {
    Base,
    /// Labels in sort order.
    Enum(Vec<String>),
    Domain {
        base: Oid,
        type_mod: i32,
        not_null: bool,
    },
    Composite(Vec<Attribute>),
    Array(Oid),
    Range(Oid),
    /// Of this range type.
    Multirange(Oid),
    Pseudo,
}

#[derive(Debug, Clone)]
pub struct Attribute {
    pub name: String,
    pub type_oid: Oid,
    pub type_mod: i32,
}

#[derive(Debug, Clone)]
pub struct Function {
    pub oid: Oid,
    pub schema: String,
    pub name: String,
    /// IN, INOUT and VARIADIC arguments, in order.
    pub arguments: Vec<Argument>,
    /// The result's columns: one unnamed for a scalar, the attributes of a composite,
    /// the columns of RETURNS TABLE or of OUT arguments.
    pub columns: Vec<Attribute>,
    pub returns_set: bool,
    pub volatility: Volatility,
    pub executable: bool,
}

#[derive(Debug, Clone)]
pub struct Argument {
    pub name: String,
    pub type_oid: Oid,
    pub has_default: bool,
    pub variadic: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

/// A file of SQL as Postgres understood it.
#[derive(Debug, Clone)]
pub struct DescribedQuery {
    /// The text with `:name` replaced by `$n`.
    pub text: String,
    /// Argument names in the order of `$1`, `$2`, …, with their types.
    pub arguments: Vec<Attribute>,
    pub columns: Vec<Attribute>,
}

impl Catalog {
    /// Finds a table by name: qualified, or along the search path.
    pub fn table(&self, schema: Option<&str>, name: &str) -> Option<&Table> {
        let find = |schema: &str| self.tables.iter().find(|t| t.schema == schema && t.name == name);
        match schema {
            Some(schema) => find(schema),
            None => self.server.search_path.iter().find_map(|schema| find(schema)),
        }
    }

    pub fn table_by_oid(&self, oid: Oid) -> Option<&Table> {
        self.tables.iter().find(|t| t.oid == oid)
    }

    /// The type with its domains peeled off.
    pub fn base_type(&self, oid: Oid) -> Option<&Type> {
        let mut found = self.types.get(&oid)?;
        while let TypeKind::Domain { base, .. } = found.kind {
            found = self.types.get(&base)?;
        }
        Some(found)
    }
}

impl Table {
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }
}
