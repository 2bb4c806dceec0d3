//! A Postgres type as parameters see it: text or protobuf values → binary parameters, and keys → text.
//!
//! `parse` and `format` speak one text form per type, the one Postgres writes with ISO dates in UTC;
//! `parse` takes RFC 3339 and protobuf's durations besides.

pub mod binary;
mod class;
#[cfg(test)]
pub(crate) mod fixture;
mod format;
mod literal;
mod network;
mod numeric;
mod parse;
mod proto;
#[cfg(test)]
mod proto_tests;
mod real;
#[cfg(test)]
mod tests;
pub mod time;

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use crate::catalog::{Catalog, Oid};
use crate::sql::Param;

pub use binary::BadBytes;
pub use class::{Class, Kind, Member};
pub use numeric::write as write_numeric;

/// How values of a column travel as parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueType {
    /// The type the parameter is declared with: the base type of a domain; text for types that
    /// have no binary form we write.
    pub oid: Oid,
    /// The array over it, for `unnest`; 0 for arrays, which have none.
    pub array_oid: Oid,
    /// What the parameter is cast to in SQL, quoted, when that is another type than `oid`.
    pub cast: Option<String>,
    /// The type's name, for messages: `int4`, `mood`, `text[]`.
    pub name: Arc<str>,
    pub class: Class,
}

/// A text or a protobuf value that the type cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Malformed {
    /// What is expected, to stand behind the value's own name: `is not an int4: …`.
    pub text: String,
}

impl Malformed {
    pub fn new(text: impl Into<String>) -> Self {
        Malformed { text: text.into() }
    }
}

impl ValueType {
    /// How values of `type_oid` travel. A type the catalog does not have travels as text.
    pub fn of(catalog: &Catalog, type_oid: Oid) -> ValueType {
        class::of(catalog, type_oid, 0)
    }

    /// Values of `type_oid` as text, which Postgres casts.
    pub fn text_for(catalog: &Catalog, type_oid: Oid) -> ValueType {
        class::text_for(catalog, type_oid)
    }

    pub fn kind(&self) -> Kind {
        self.class.kind()
    }

    /// A literal, strict and complete, → the binary parameter.
    pub fn parse(&self, text: &str) -> Result<Bytes, Malformed> {
        parse::parse(self, text)
    }

    /// A literal in the one form that `format` gives; `042` is an int4, but not its canonical text.
    pub fn canonical(&self, text: &str) -> Result<Bytes, Malformed> {
        let binary = self.parse(text)?;
        let mut written = String::with_capacity(text.len());
        self.format(&binary, &mut written);
        if written == text {
            Ok(binary)
        } else {
            Err(Malformed::new(format!("is not in canonical form: write {written}")))
        }
    }

    /// The canonical text. Bytes that are no value of the type come out as `\x` and hexadecimal.
    pub fn format(&self, binary: &[u8], out: &mut String) {
        let start = out.len();
        if self.write(binary, out).is_err() {
            out.truncate(start);
            let _ = format::hexadecimal(binary, out);
        }
    }

    /// The canonical text, or that the bytes are no value of the type; then `out` may have got a part.
    pub fn write(&self, binary: &[u8], out: &mut dyn std::fmt::Write) -> Result<(), BadBytes> {
        format::write(self, binary, out)
    }

    /// A one-dimensional array over this type.
    pub fn array<'a>(&self, values: impl Iterator<Item = Option<&'a [u8]>>) -> Param {
        Param { oid: self.array_oid, value: Some(array_bytes(self.oid, values)) }
    }
}

/// What `array_recv` reads.
pub(super) fn array_bytes<'a>(element: Oid, values: impl Iterator<Item = Option<&'a [u8]>>) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i32(1);
    out.put_i32(0);
    out.put_u32(element);
    let length_at = out.len();
    out.put_i32(0);
    out.put_i32(1);
    let (mut count, mut nulls) = (0i32, 0i32);
    for value in values {
        count += 1;
        match value {
            Some(value) => {
                out.put_i32(value.len() as i32);
                out.put_slice(value);
            }
            None => {
                nulls = 1;
                out.put_i32(-1);
            }
        }
    }
    if count == 0 {
        out.truncate(length_at);
        out[..4].copy_from_slice(&0i32.to_be_bytes());
    } else {
        out[4..8].copy_from_slice(&nulls.to_be_bytes());
        out[length_at..length_at + 4].copy_from_slice(&count.to_be_bytes());
    }
    out.freeze()
}
