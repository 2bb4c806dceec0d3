//! Postgres' text for arrays, ranges, rows and hstore → binary.

use std::iter::Peekable;
use std::str::Chars;

use bytes::{BufMut, Bytes, BytesMut};

use super::class::{Class, Member};
use super::{Malformed, ValueType, array_bytes, binary};

type Wrong<'a> = &'a dyn Fn(&str) -> Malformed;

/// One dimension: `{1,NULL,"a b"}`.
pub(super) fn parse_array(element: &ValueType, text: &str, wrong: Wrong<'_>) -> Result<Bytes, Malformed> {
    let expected = || wrong("write one dimension, as {1,2}");
    let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).ok_or_else(expected)?;
    let mut elements = Vec::new();
    let mut chars = inner.chars().peekable();
    while chars.peek().is_some() {
        let token = token(&mut chars, &[',']).ok_or_else(expected)?;
        let plain = matches!(&token, Token::Plain(t) if t.contains(['{', '}']));
        if plain {
            return Err(expected());
        }
        elements.push(match token {
            Token::Plain(t) if t.eq_ignore_ascii_case("null") => None,
            Token::Plain(t) if t.is_empty() => return Err(expected()),
            Token::Plain(t) | Token::Quoted(t) => Some(parse_inside(element, &t)?),
        });
        if chars.next().is_some() && chars.peek().is_none() {
            return Err(expected());
        }
    }
    Ok(array_bytes(element.oid, elements.iter().map(|e| e.as_deref())))
}

/// Inside arrays and rows, a boolean is `t` or `f`.
fn parse_inside(value: &ValueType, text: &str) -> Result<Bytes, Malformed> {
    match (&value.class, text) {
        (Class::Bool, "t") => value.parse("true"),
        (Class::Bool, "f") => value.parse("false"),
        _ => value.parse(text),
    }
}

/// `[1,5)`, `(,"a b"]`, `empty`.
pub(super) fn parse_range(element: &ValueType, text: &str, wrong: Wrong<'_>) -> Result<Bytes, Malformed> {
    if text == "empty" {
        return Ok(Bytes::from_static(&[binary::RANGE_EMPTY]));
    }
    let expected = || wrong("write it as [1,5) or empty");
    let mut chars = text.chars().peekable();
    let lower_inclusive = match chars.next() {
        Some('[') => true,
        Some('(') => false,
        _ => return Err(expected()),
    };
    let lower = token(&mut chars, &[',']).ok_or_else(expected)?.bound();
    if chars.next() != Some(',') {
        return Err(expected());
    }
    let upper = token(&mut chars, &[']', ')']).ok_or_else(expected)?.bound();
    let upper_inclusive = chars.next() == Some(']');
    if chars.next().is_some() || !text.ends_with([']', ')']) {
        return Err(expected());
    }
    let parse = |bound: Option<String>| bound.map(|text| element.parse(&text)).transpose();
    Ok(range_bytes(parse(lower)?.as_deref(), parse(upper)?.as_deref(), lower_inclusive, upper_inclusive))
}

/// What `range_recv` reads; a bound that is None is infinite.
pub(super) fn range_bytes(
    lower: Option<&[u8]>,
    upper: Option<&[u8]>,
    lower_inclusive: bool,
    upper_inclusive: bool,
) -> Bytes {
    let mut out = BytesMut::new();
    let flag = |bound: Option<&[u8]>, inclusive: bool, inclusive_flag: u8, infinite_flag: u8| match bound {
        None => infinite_flag,
        Some(_) if inclusive => inclusive_flag,
        Some(_) => 0,
    };
    out.put_u8(
        flag(lower, lower_inclusive, binary::RANGE_LOWER_INCLUSIVE, binary::RANGE_LOWER_INFINITE)
            | flag(upper, upper_inclusive, binary::RANGE_UPPER_INCLUSIVE, binary::RANGE_UPPER_INFINITE),
    );
    for bound in [lower, upper].into_iter().flatten() {
        out.put_i32(bound.len() as i32);
        out.put_slice(bound);
    }
    out.freeze()
}

/// `{[1,5),[7,)}`.
pub(super) fn parse_multirange(range: &ValueType, text: &str, wrong: Wrong<'_>) -> Result<Bytes, Malformed> {
    let expected = || wrong("write it as {[1,5),[7,9)}");
    let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).ok_or_else(expected)?;
    let mut ranges = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ')' | ']' if !quoted => {
                let piece = inner[start..=at].strip_prefix(',').unwrap_or(&inner[start..=at]);
                ranges.push(range.parse(piece)?);
                start = at + 1;
            }
            _ => {}
        }
    }
    if start != inner.len() {
        return Err(expected());
    }
    Ok(multirange_bytes(&ranges))
}

pub(super) fn multirange_bytes(ranges: &[Bytes]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u32(ranges.len() as u32);
    for range in ranges {
        out.put_i32(range.len() as i32);
        out.put_slice(range);
    }
    out.freeze()
}

/// `(1,"a b",)`: nothing between commas is NULL.
pub(super) fn parse_composite(members: &[Member], text: &str, wrong: Wrong<'_>) -> Result<Bytes, Malformed> {
    let names: Vec<_> = members.iter().map(|m| m.name.as_str()).collect();
    let expected = || wrong(&format!("write it as ({})", names.join(",")));
    let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).ok_or_else(expected)?;
    let mut chars = inner.chars().peekable();
    let mut values = Vec::with_capacity(members.len());
    for (at, member) in members.iter().enumerate() {
        if at > 0 && chars.next() != Some(',') {
            return Err(expected());
        }
        let bound = token(&mut chars, &[',']).ok_or_else(expected)?.bound();
        values.push(bound.map(|text| parse_inside(&member.value, &text)).transpose()?);
    }
    if chars.next().is_some() {
        return Err(expected());
    }
    Ok(composite_bytes(members, &values))
}

/// What `record_recv` reads; as many values as members.
pub(super) fn composite_bytes(members: &[Member], values: &[Option<Bytes>]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u32(members.len() as u32);
    for (member, value) in members.iter().zip(values) {
        out.put_u32(member.type_oid);
        put_sized(&mut out, value.as_deref());
    }
    out.freeze()
}

fn put_sized(out: &mut BytesMut, value: Option<&[u8]>) {
    match value {
        None => out.put_i32(-1),
        Some(value) => {
            out.put_i32(value.len() as i32);
            out.put_slice(value);
        }
    }
}

/// `"a"=>"1", "b"=>NULL`, as Postgres writes it.
pub(super) fn parse_hstore(text: &str) -> Option<Bytes> {
    let mut pairs = Vec::new();
    let mut chars = text.chars().peekable();
    while chars.peek().is_some() {
        if !pairs.is_empty() && (chars.next(), chars.next()) != (Some(','), Some(' ')) {
            return None;
        }
        let Token::Quoted(key) = token(&mut chars, &['='])? else { return None };
        if (chars.next(), chars.next()) != (Some('='), Some('>')) {
            return None;
        }
        let value = match token(&mut chars, &[','])? {
            Token::Quoted(value) => Some(value),
            Token::Plain(null) if null == "NULL" => None,
            Token::Plain(_) => return None,
        };
        pairs.push((key, value));
    }
    Some(hstore_bytes(pairs.iter().map(|(k, v)| (k.as_str(), v.as_deref()))))
}

/// What `hstore_recv` reads.
pub(super) fn hstore_bytes<'a>(pairs: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u32(0);
    let mut count = 0u32;
    for (key, value) in pairs {
        count += 1;
        put_sized(&mut out, Some(key.as_bytes()));
        put_sized(&mut out, value.map(str::as_bytes));
    }
    out[..4].copy_from_slice(&count.to_be_bytes());
    out.freeze()
}

enum Token {
    Plain(String),
    Quoted(String),
}

impl Token {
    /// Nothing at all is no value.
    fn bound(self) -> Option<String> {
        match self {
            Token::Plain(text) if text.is_empty() => None,
            Token::Plain(text) | Token::Quoted(text) => Some(text),
        }
    }
}

/// Up to one of `ends`, which stays; quotes are doubled or escaped inside quotes.
fn token(chars: &mut Peekable<Chars<'_>>, ends: &[char]) -> Option<Token> {
    let mut text = String::new();
    if chars.next_if_eq(&'"').is_none() {
        while let Some(c) = chars.next_if(|c| !ends.contains(c)) {
            match c {
                '"' => return None,
                '\\' => text.push(chars.next()?),
                _ => text.push(c),
            }
        }
        return Some(Token::Plain(text));
    }
    loop {
        match chars.next()? {
            '\\' => text.push(chars.next()?),
            '"' if chars.next_if_eq(&'"').is_some() => text.push('"'),
            '"' => break,
            c => text.push(c),
        }
    }
    // A closing quote ends the token.
    match chars.peek() {
        Some(c) if !ends.contains(c) => None,
        _ => Some(Token::Quoted(text)),
    }
}
