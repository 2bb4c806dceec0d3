//! A row, with the rows of its relations → the fields of its message.

use std::fmt::{self, Write as _};

use bytes::BufMut;

use super::error::{Error, Fault};
use super::payload::Payload;
use super::rows::{Columns, Level};
use super::{field, put};
use crate::plan::Projection;
use crate::plan::projection::{NamePart, WrittenName, WrittenValue};

/// A resource's message. On error `out` holds a part of it.
pub fn row<R: Columns>(
    projection: &Projection,
    level: &Level<R>,
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    fields(projection, level, row, out).map_err(|fault| fault.of_row(row_name(projection, level, row)))
}

/// A resource as the whole answer, of at most so many bytes.
pub fn message<R: Columns>(
    projection: &Projection,
    level: &Level<R>,
    at: usize,
    message_bytes_max: usize,
) -> Result<Payload, Error> {
    let payload = Payload::encode(|out| row(projection, level, at, out))?;
    match payload.bytes() {
        bytes if bytes > message_bytes_max => {
            let row = row_name(projection, level, at);
            Err(Error::RowTooLarge { row, bytes, bytes_max: message_bytes_max })
        }
        _ => Ok(payload),
    }
}

fn fields<R: Columns>(
    projection: &Projection,
    level: &Level<R>,
    at: usize,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let columns = level.rows.get(at).ok_or(crate::plan::value::BadBytes)?;
    for written in &projection.fields {
        match &written.value {
            WrittenValue::Column { at, codec } => field::write(codec, columns.get(*at), out)?,
            WrittenValue::Name(name) => {
                write_name(name, written.number, columns, out)
                    .map_err(|fault| fault.within(&written.name))?;
            }
            WrittenValue::Relation(relation) => {
                let (Some(related), Some(children)) =
                    (projection.relations.get(*relation), level.children.get(*relation))
                else {
                    continue;
                };
                let of = children.of.get(at).cloned().unwrap_or_default();
                let first = of.start;
                for child in of {
                    put::tag(out, written.number, put::DELIMITED);
                    put::delimited(out, |out| fields(&related.projection, &children.level, child, out))
                        .map_err(|fault| fault.within_element(&written.name, child - first))?;
                }
            }
        }
    }
    Ok(())
}

/// The field, or nothing when a column is NULL or empty: neither has a name.
fn write_name(
    name: &WrittenName,
    number: u32,
    columns: &impl Columns,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let start = out.len();
    put::tag(out, number, put::DELIMITED);
    let mut complete = true;
    put::delimited(out, |out| {
        complete = name_text(name, columns, out)?;
        Ok::<_, Fault>(())
    })?;
    if !complete {
        out.truncate(start);
    }
    Ok(())
}

/// Whether every segment is there.
fn name_text(name: &WrittenName, columns: &impl Columns, out: &mut Vec<u8>) -> Result<bool, Fault> {
    for part in &name.parts {
        match part {
            NamePart::Literal(text) => out.put_slice(text.as_bytes()),
            NamePart::Column { at, value } => {
                let Some(bytes) = columns.get(*at) else { return Ok(false) };
                let before = out.len();
                value.write(bytes, &mut Escaped(out))?;
                match &out[before..] {
                    b"" => return Ok(false),
                    // A segment that is `-` means all rows, so this one value is escaped.
                    b"-" => {
                        out.truncate(before);
                        out.put_slice(b"%2D");
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(true)
}

/// Percent-encodes all but RFC 3986's unreserved characters.
struct Escaped<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        for byte in text.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => self.0.put_u8(byte),
                _ => {
                    self.0.put_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
                }
            }
        }
        Ok(())
    }
}

/// The row's name where its resource has one, else its key: for errors.
pub(super) fn row_name<R: Columns>(projection: &Projection, level: &Level<R>, row: usize) -> String {
    let Some(columns) = level.rows.get(row) else { return String::new() };
    if let Some(name) = &projection.row_name {
        let mut text = Vec::new();
        if let Ok(true) = name_text(name, columns, &mut text) {
            return String::from_utf8_lossy(&text).into_owned();
        }
    }
    if projection.key.is_empty() {
        return "a row".to_owned();
    }
    let mut text = String::new();
    for (i, (at, value)) in projection.key.iter().enumerate() {
        if i > 0 {
            let _ = text.write_str(", ");
        }
        match columns.get(*at) {
            Some(bytes) => value.format(bytes, &mut text),
            None => text.push_str("NULL"),
        }
    }
    text
}
