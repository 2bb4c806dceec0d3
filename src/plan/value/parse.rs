//! A literal → the binary parameter, or what was expected of it.

use bytes::Bytes;

use super::class::Class;
use super::{Malformed, ValueType, literal, network, numeric, time};

/// So many bytes a Postgres `name` has at most.
const NAME_BYTES_MAX: usize = 63;

pub(super) fn parse(value: &ValueType, text: &str) -> Result<Bytes, Malformed> {
    let wrong = |expected: &str| {
        Malformed::new(format!("is not {} {}: {expected}", article(&value.name), value.name))
    };
    match &value.class {
        Class::Bool => match text {
            "true" => Ok(Bytes::from_static(&[1])),
            "false" => Ok(Bytes::from_static(&[0])),
            _ => Err(wrong("write true or false")),
        },
        Class::Int2 => {
            integer(text, i16::MIN, i16::MAX, |n: i16| copy(n.to_be_bytes())).map_err(|e| wrong(&e))
        }
        Class::Int4 => {
            integer(text, i32::MIN, i32::MAX, |n: i32| copy(n.to_be_bytes())).map_err(|e| wrong(&e))
        }
        Class::Int8 => {
            integer(text, i64::MIN, i64::MAX, |n: i64| copy(n.to_be_bytes())).map_err(|e| wrong(&e))
        }
        Class::Oid => {
            integer(text, u32::MIN, u32::MAX, |n: u32| copy(n.to_be_bytes())).map_err(|e| wrong(&e))
        }
        Class::Float4 => {
            float(text).map(|f: f32| copy(f.to_be_bytes())).ok_or_else(|| wrong("write a number, as 1.5"))
        }
        Class::Float8 => {
            float(text).map(|f: f64| copy(f.to_be_bytes())).ok_or_else(|| wrong("write a number, as 1.5"))
        }
        Class::Numeric => numeric::parse(text).ok_or_else(|| {
            wrong("write a number, as 12.50, of at most 131072 digits before the point and 16383 behind")
        }),
        Class::Text | Class::Other => storable(text),
        Class::Name => match text.len() {
            ..=NAME_BYTES_MAX => storable(text),
            _ => Err(wrong("it has at most 63 bytes")),
        },
        Class::Ltree => Ok(versioned(&storable(text)?)),
        Class::Enum(labels) => match labels.iter().any(|label| label == text) {
            true => Ok(Bytes::copy_from_slice(text.as_bytes())),
            false => Err(wrong(&one_of(labels))),
        },
        Class::Bytea => {
            let hexadecimal = text.strip_prefix("\\x").and_then(network::hexadecimal);
            hexadecimal.map(Bytes::from).ok_or_else(|| wrong("write it in hexadecimal, as \\x00ff"))
        }
        Class::Uuid => {
            network::parse_uuid(text).ok_or_else(|| wrong("write it as 00000000-0000-0000-0000-000000000000"))
        }
        Class::Inet => network::parse_inet(text, &value.class)
            .ok_or_else(|| wrong("write an address, as 192.0.2.1 or 2001:db8::/32")),
        Class::Cidr => network::parse_inet(text, &value.class)
            .ok_or_else(|| wrong("write a network, as 192.0.2.0/24, no bits set behind its prefix")),
        Class::Macaddr => network::parse_macaddr(text).ok_or_else(|| wrong("write it as 08:00:2b:01:02:03")),
        Class::Timestamp | Class::Timestamptz => time::parse_timestamp(text)
            .map(|n| copy(n.to_be_bytes()))
            .ok_or_else(|| wrong("write it as 2006-01-02T15:04:05.999999Z")),
        Class::Date => time::parse_date(text)
            .map(|n| copy(n.to_be_bytes()))
            .ok_or_else(|| wrong("write it as 2006-01-02")),
        Class::Time => time::parse_time(text)
            .map(|n| copy(n.to_be_bytes()))
            .ok_or_else(|| wrong("write it as 15:04:05.999999, up to 24:00")),
        Class::Interval => time::parse_interval(text)
            .map(time::Interval::to_binary)
            .ok_or_else(|| wrong("write it as 90s or 1 year 2 mons 3 days 04:05:06")),
        Class::Json => json(text).map_err(|e| wrong(&e)),
        Class::Jsonb => json(text).map(|text| versioned(&text)).map_err(|e| wrong(&e)),
        Class::Hstore => literal::parse_hstore(text).ok_or_else(|| wrong("write it as \"key\"=>\"value\"")),
        Class::Array(element) => literal::parse_array(element, text, &wrong),
        Class::Range(element) => literal::parse_range(element, text, &wrong),
        Class::Multirange(range) => literal::parse_multirange(range, text, &wrong),
        Class::Composite(members) => literal::parse_composite(members, text, &wrong),
    }
}

fn copy<const N: usize>(bytes: [u8; N]) -> Bytes {
    Bytes::copy_from_slice(&bytes)
}

fn integer<T>(text: &str, min: T, max: T, encode: impl FnOnce(T) -> Bytes) -> Result<Bytes, String>
where
    T: std::str::FromStr + std::fmt::Display,
{
    text.parse().map(encode).map_err(|_| format!("write a whole number from {min} to {max}"))
}

/// As Postgres writes them; a number too large to be finite is none.
fn float<T: std::str::FromStr + Into<f64> + Copy>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    let as_written = matches!(text, "Infinity" | "-Infinity" | "NaN");
    (as_written
        || text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) && value.into().is_finite())
    .then_some(value)
}

/// Text as it is; U+0000 is the one character that Postgres cannot store.
pub(super) fn storable(text: &str) -> Result<Bytes, Malformed> {
    match text.find('\0') {
        None => Ok(Bytes::copy_from_slice(text.as_bytes())),
        Some(at) => Err(Malformed::new(format!("has U+0000 at byte {at}, which Postgres cannot store"))),
    }
}

fn versioned(text: &[u8]) -> Bytes {
    [&[1], text].concat().into()
}

fn json(text: &str) -> Result<Bytes, String> {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        Err(e) => Err(format!("no JSON at line {}, column {}", e.line(), e.column())),
    }
}

/// A few labels to choose from.
fn one_of(labels: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<_> = labels.iter().take(SHOWN).map(String::as_str).collect();
    let more = if labels.len() > SHOWN { ", …" } else { "" };
    format!("it is one of {}{more}", shown.join(", "))
}

/// Names that begin with a vowel's sound.
fn article(name: &str) -> &'static str {
    if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }
}
