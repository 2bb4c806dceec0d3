//! A position and digests of its request ↔ the bytes that are sealed.
//!
//! Version, hour of issue, purpose, a digest per part of the request, total, then the values, each
//! behind its length plus one; 0 is NULL. Numbers are LEB128.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{Binding, Position, Purpose};
use crate::call::{Scope, Total};
use crate::plan::query::Deleted;

const VERSION: u8 = 1;

/// Enough that two requests of one client never share a digest by chance; that nobody can make up
/// a token is the seal's work.
const DIGEST_BYTES: usize = 6;

/// What a request is called where it differs.
const PARTS: [&str; 7] = ["method", "parent", "filter", "order_by", "show_deleted", "caller", KEY_TYPES];
const KEY_TYPES: &str = "set of key types";

pub struct Opened {
    pub issued_hour: u64,
    pub position: Position,
    purpose: u8,
    digests: [[u8; DIGEST_BYTES]; PARTS.len()],
}

pub fn encode(binding: &Binding<'_>, position: &Position, issued_hour: u64) -> Vec<u8> {
    let mut out = vec![VERSION];
    push_number(&mut out, issued_hour);
    out.push(purpose(binding.purpose));
    for digest in digests(binding) {
        out.extend_from_slice(&digest);
    }
    match position.total {
        None => out.push(0),
        Some(Total::Exact(rows)) => {
            out.push(1);
            push_number(&mut out, rows);
        }
        Some(Total::Estimated(rows)) => {
            out.push(2);
            push_number(&mut out, rows);
        }
    }
    push_number(&mut out, position.values.len() as u64);
    for value in &position.values {
        match value {
            None => push_number(&mut out, 0),
            Some(value) => {
                push_number(&mut out, value.len() as u64 + 1);
                out.extend_from_slice(value);
            }
        }
    }
    out
}

/// None when the bytes are of another version.
pub fn decode(mut bytes: &[u8]) -> Option<Opened> {
    let input = &mut bytes;
    if byte(input)? != VERSION {
        return None;
    }
    // A u32 of hours is enough for 490,000 years, and keeps the age from overflowing.
    let issued_hour = number(input).filter(|&hour| hour <= u64::from(u32::MAX))?;
    let purpose = byte(input)?;
    let mut digests = [[0; DIGEST_BYTES]; PARTS.len()];
    for digest in &mut digests {
        digest.copy_from_slice(take(input, DIGEST_BYTES as u64)?);
    }
    let total = match byte(input)? {
        0 => None,
        1 => Some(Total::Exact(number(input)?)),
        2 => Some(Total::Estimated(number(input)?)),
        _ => return None,
    };
    let count = number(input)?;
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(match number(input)? {
            0 => None,
            length => Some(Bytes::copy_from_slice(take(input, length - 1)?)),
        });
    }
    let position = Position { values, total };
    input.is_empty().then_some(Opened { issued_hour, position, purpose, digests })
}

/// What of the request is not what the token was made for: `filter and order_by`.
pub fn differences(opened: &Opened, binding: &Binding<'_>) -> Option<String> {
    let digests = digests(binding);
    let mut parts: Vec<&str> = PARTS
        .into_iter()
        .zip(opened.digests.iter().zip(&digests))
        .filter(|(_, (was, is))| was != is)
        .map(|(part, _)| part)
        .collect();
    // Another method has another everything, and a page's token is of no use to a stream.
    if opened.purpose != purpose(binding.purpose) || parts.first() == Some(&PARTS[0]) {
        return Some(PARTS[0].to_owned());
    }
    // Another order has other types; told alone, they say that the table has changed.
    if parts.len() > 1 {
        parts.retain(|part| *part != KEY_TYPES);
    }
    let last = parts.pop()?;
    Some(if parts.is_empty() { last.to_owned() } else { format!("{} and {last}", parts.join(", ")) })
}

fn digests(binding: &Binding<'_>) -> [[u8; DIGEST_BYTES]; PARTS.len()] {
    let deleted: &[u8] = match binding.deleted {
        Deleted::Hidden => b"hidden",
        Deleted::Shown => b"shown",
    };
    let types: Vec<u8> = binding.types.iter().flat_map(|oid| oid.to_be_bytes()).collect();
    [
        digest(binding.method.as_bytes()),
        digest(binding.parent.as_bytes()),
        digest(binding.filter.as_bytes()),
        digest(binding.order.as_bytes()),
        digest(deleted),
        digest(&scope(binding.scope)),
        digest(&types),
    ]
}

fn digest(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    let full: [u8; 32] = Sha256::digest(bytes).into();
    let mut short = [0; DIGEST_BYTES];
    short.copy_from_slice(&full[..DIGEST_BYTES]);
    short
}

/// Every text behind its length, so that no two scopes have the same bytes.
fn scope(scope: &Scope) -> Vec<u8> {
    let mut out = Vec::new();
    let mut text = |text: &str| {
        push_number(&mut out, text.len() as u64 + 1);
        out.extend_from_slice(text.as_bytes());
    };
    text(match &scope.role {
        Some(role) => role,
        None => "",
    });
    for map in [&scope.claims, &scope.settings] {
        text(&map.len().to_string());
        for (key, value) in map {
            text(key);
            text(value);
        }
    }
    out.push(u8::from(scope.role.is_some()));
    out
}

fn purpose(purpose: Purpose) -> u8 {
    match purpose {
        Purpose::Page => 0,
        Purpose::Resume => 1,
    }
}

fn push_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn number(input: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = byte(input)?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn byte(input: &mut &[u8]) -> Option<u8> {
    let (&first, rest) = input.split_first()?;
    *input = rest;
    Some(first)
}

fn take<'a>(input: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let length = usize::try_from(length).ok().filter(|&length| length <= input.len())?;
    let (taken, rest) = input.split_at(length);
    *input = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::call::Scope;
    use crate::damage;

    fn sample() -> Vec<u8> {
        let scope = Scope { role: Some("other".into()), ..Scope::default() };
        let binding = Binding {
            purpose: Purpose::Page,
            method: "/shop.v1.Shop/ListTracks",
            parent: "albums/1",
            filter: "",
            order: "title",
            deleted: Deleted::Hidden,
            scope: &scope,
            types: &[25, 20],
        };
        let values = vec![Some(bytes::Bytes::from_static(b"Ba")), None];
        encode(&binding, &Position { values, total: Some(Total::Exact(3)) }, 500)
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_do_not(bytes: Vec<u8>) {
            let mut versioned = vec![VERSION, 1, 0];
            versioned.extend(&bytes);
            decode(&bytes);
            decode(&versioned);
        }

        #[test]
        fn any_damage_decodes_or_does_not(payload in damage::bytes([sample()])) {
            decode(&payload);
        }

        #[test]
        fn numbers_come_back(n: u64) {
            let mut out = Vec::new();
            push_number(&mut out, n);
            prop_assert_eq!(number(&mut out.as_slice()), Some(n));
        }
    }
}
