//! A binary value → its canonical text.

use std::fmt;

use super::binary::{BadBytes, Bounds, Elements, Reader, ranges, whole};
use super::class::{Class, Member};
use super::{ValueType, network, numeric, time};

impl From<fmt::Error> for BadBytes {
    fn from(_: fmt::Error) -> Self {
        BadBytes
    }
}

pub(super) fn write(value: &ValueType, binary: &[u8], out: &mut dyn fmt::Write) -> Result<(), BadBytes> {
    match &value.class {
        Class::Bool => out.write_str(if whole(binary, Reader::u8)? == 0 { "false" } else { "true" })?,
        Class::Int2 => write!(out, "{}", whole(binary, Reader::i16)?)?,
        Class::Int4 => write!(out, "{}", whole(binary, Reader::i32)?)?,
        Class::Int8 => write!(out, "{}", whole(binary, Reader::i64)?)?,
        Class::Oid => write!(out, "{}", whole(binary, Reader::u32)?)?,
        Class::Float4 => numeric::write_float(whole(binary, Reader::f32)?, out)?,
        Class::Float8 => numeric::write_double(whole(binary, Reader::f64)?, out)?,
        Class::Numeric => numeric::write(binary, out)?,
        Class::Text | Class::Name | Class::Enum(_) | Class::Json | Class::Other => {
            out.write_str(utf8(binary)?)?;
        }
        Class::Ltree | Class::Jsonb => out.write_str(utf8(versioned(binary)?)?)?,
        Class::Bytea => hexadecimal(binary, out)?,
        Class::Uuid => network::write_uuid(binary, out)?,
        Class::Inet | Class::Cidr => network::write_inet(binary, out)?,
        Class::Macaddr => network::write_macaddr(binary, out)?,
        Class::Timestamp => time::write_timestamp(whole(binary, Reader::i64)?, "", out)?,
        Class::Timestamptz => time::write_timestamp(whole(binary, Reader::i64)?, "+00", out)?,
        Class::Date => time::write_date(whole(binary, Reader::i32)?, out)?,
        Class::Time => time::write_time(whole(binary, Reader::i64)?, out)?,
        Class::Interval => time::write_interval(time::Interval::read(binary)?, out)?,
        Class::Hstore => write_hstore(binary, out)?,
        Class::Array(element) => write_array(element, binary, out)?,
        Class::Range(element) => write_range(element, binary, out)?,
        Class::Multirange(range) => {
            out.write_str("{")?;
            let mut first = true;
            ranges(binary, |bytes| {
                if !std::mem::take(&mut first) {
                    out.write_str(",")?;
                }
                write(range, bytes, out)
            })?;
            out.write_str("}")?;
        }
        Class::Composite(members) => write_composite(members, binary, out)?,
    }
    Ok(())
}

/// What follows the version byte of jsonb and ltree, which is 1.
pub(crate) fn versioned(binary: &[u8]) -> Result<&[u8], BadBytes> {
    match binary {
        [1, rest @ ..] => Ok(rest),
        _ => Err(BadBytes),
    }
}

fn utf8(binary: &[u8]) -> Result<&str, BadBytes> {
    std::str::from_utf8(binary).map_err(|_| BadBytes)
}

pub(super) fn hexadecimal(binary: &[u8], out: &mut dyn fmt::Write) -> fmt::Result {
    out.write_str("\\x")?;
    binary.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

fn write_array(element: &ValueType, binary: &[u8], out: &mut dyn fmt::Write) -> Result<(), BadBytes> {
    let mut elements = Elements::read(binary)?;
    if elements.count == 0 {
        out.write_str("{}")?;
        return elements.end();
    }
    let lengths = elements.lengths;
    let lengths = &lengths[..elements.dimensions];
    let mut text = String::new();
    for at in 0..elements.count {
        // Every dimension whose sub-array begins here opens a brace; behind its last it closes.
        let mut size = 1;
        let opened = lengths.iter().rev().take_while(|n| {
            size *= **n;
            at % size == 0
        });
        let opened = opened.count();
        if at > 0 {
            out.write_str(",")?;
        }
        (0..opened).try_for_each(|_| out.write_str("{"))?;
        match elements.next_element()? {
            None => out.write_str("NULL")?,
            Some(bytes) => {
                text.clear();
                write_inside(element, bytes, &mut text)?;
                let plain = !text.is_empty()
                    && !text.eq_ignore_ascii_case("null")
                    && !text.contains(|c: char| matches!(c, '{' | '}' | ',' | '"' | '\\') || is_space(c));
                if plain { out.write_str(&text)? } else { quote(&text, Escape::Backslash, out)? }
            }
        }
        let mut size = 1;
        let closed = lengths.iter().rev().take_while(|n| {
            size *= **n;
            (at + 1) % size == 0
        });
        let closed = closed.count();
        (0..closed).try_for_each(|_| out.write_str("}"))?;
    }
    elements.end()
}

/// Inside arrays and rows, Postgres writes the output form of a boolean, not its cast to text.
fn write_inside(value: &ValueType, binary: &[u8], out: &mut dyn fmt::Write) -> Result<(), BadBytes> {
    match value.class {
        Class::Bool => Ok(out.write_str(if whole(binary, Reader::u8)? == 0 { "f" } else { "t" })?),
        _ => write(value, binary, out),
    }
}

fn write_range(element: &ValueType, binary: &[u8], out: &mut dyn fmt::Write) -> Result<(), BadBytes> {
    let bounds = Bounds::read(binary)?;
    if bounds.empty {
        return Ok(out.write_str("empty")?);
    }
    let mut text = String::new();
    let mut bound = |bytes: Option<&[u8]>, out: &mut dyn fmt::Write| -> Result<(), BadBytes> {
        let Some(bytes) = bytes else { return Ok(()) };
        text.clear();
        write(element, bytes, &mut text)?;
        let special = |c: char| matches!(c, '(' | ')' | '[' | ']' | ',' | '"' | '\\') || is_space(c);
        if text.is_empty() || text.contains(special) {
            quote(&text, Escape::Doubled, out)?;
        } else {
            out.write_str(&text)?;
        }
        Ok(())
    };
    out.write_str(if bounds.lower_inclusive { "[" } else { "(" })?;
    bound(bounds.lower, out)?;
    out.write_str(",")?;
    bound(bounds.upper, out)?;
    Ok(out.write_str(if bounds.upper_inclusive { "]" } else { ")" })?)
}

fn write_composite(members: &[Member], binary: &[u8], out: &mut dyn fmt::Write) -> Result<(), BadBytes> {
    let mut reader = Reader::new(binary);
    if reader.u32()? as usize != members.len() {
        return Err(BadBytes);
    }
    out.write_str("(")?;
    let mut text = String::new();
    for (at, member) in members.iter().enumerate() {
        if at > 0 {
            out.write_str(",")?;
        }
        if reader.u32()? != member.type_oid {
            return Err(BadBytes);
        }
        let Some(bytes) = reader.sized()? else { continue };
        text.clear();
        write_inside(&member.value, bytes, &mut text)?;
        let special = |c: char| matches!(c, '(' | ')' | ',' | '"' | '\\') || is_space(c);
        if text.is_empty() || text.contains(special) {
            quote(&text, Escape::Doubled, out)?;
        } else {
            out.write_str(&text)?;
        }
    }
    out.write_str(")")?;
    reader.end()
}

fn write_hstore(binary: &[u8], out: &mut dyn fmt::Write) -> Result<(), BadBytes> {
    let mut reader = Reader::new(binary);
    for at in 0..reader.u32()? {
        if at > 0 {
            out.write_str(", ")?;
        }
        quote(utf8(reader.sized()?.ok_or(BadBytes)?)?, Escape::Backslash, out)?;
        out.write_str("=>")?;
        match reader.sized()? {
            Some(value) => quote(utf8(value)?, Escape::Backslash, out)?,
            None => out.write_str("NULL")?,
        }
    }
    reader.end()
}

/// What Postgres' array, range and record syntax takes for white space.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// How a quote and a backslash stand inside quotes: both parse either way, but each type writes one.
enum Escape {
    Backslash,
    Doubled,
}

fn quote(text: &str, escape: Escape, out: &mut dyn fmt::Write) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match (c, &escape) {
            ('"' | '\\', Escape::Backslash) => out.write_char('\\')?,
            ('"' | '\\', Escape::Doubled) => out.write_char(c)?,
            _ => {}
        }
        out.write_char(c)?;
    }
    out.write_char('"')
}
