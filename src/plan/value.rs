//! A Postgres type as parameters see it: text or protobuf values → binary parameters, and keys → text.

use crate::catalog::Oid;

/// How values of a column travel as parameters.
#[derive(Debug, Clone)]
pub struct ValueType {
    /// The type the parameter is declared with: the base type of a domain; text for types that
    /// have no binary form we write.
    pub oid: Oid,
    /// The array over it, for `unnest`.
    pub array_oid: Oid,
    /// What the parameter is cast to in SQL, quoted, when that is another type than `oid`.
    pub cast: Option<String>,
}
