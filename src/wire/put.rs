//! Numbers, tags and lengths → protobuf's encoding of them.

use std::fmt;

use bytes::BufMut;

/// Wire types, as the low three bits of a tag.
pub const VARINT: u32 = 0;
pub const FIXED64: u32 = 1;
pub const DELIMITED: u32 = 2;

#[inline]
pub fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// A field number and a wire type.
pub fn tag(out: &mut Vec<u8>, number: u32, wire_type: u32) {
    varint(out, u64::from(number << 3 | wire_type));
}

/// int32 and int64 alike: negative ones take ten bytes.
pub fn integer(out: &mut Vec<u8>, n: i64) {
    varint(out, n as u64);
}

pub fn zigzag(out: &mut Vec<u8>, n: i64) {
    varint(out, ((n << 1) ^ (n >> 63)) as u64);
}

/// An integer field, left out when zero.
pub fn integer_field(out: &mut Vec<u8>, number: u32, n: i64) {
    if n != 0 {
        tag(out, number, VARINT);
        integer(out, n);
    }
}

#[inline]
pub fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint(out, bytes.len() as u64);
    out.put_slice(bytes);
}

/// Text goes behind what there is.
pub struct Text<'a>(pub &'a mut Vec<u8>);

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// A length and what `write` writes. One byte is kept for the length; what is longer is moved,
/// so that every length is as short as can be. When `write` fails, `out` holds a part of it.
pub fn delimited<E>(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
    let at = out.len();
    out.put_u8(0);
    write(out)?;
    let length = out.len() - at - 1;
    if length < 0x80 {
        out[at] = length as u8;
        return Ok(());
    }
    let start = out.len();
    varint(out, length as u64);
    // The length stands behind its content; rotating a copy of a few bytes puts it in front.
    let mut prefix = [0; 10];
    let width = out.len() - start;
    prefix[..width].copy_from_slice(&out[start..]);
    out.truncate(start);
    out.put_bytes(0, width - 1);
    out.copy_within(at + 1..start, at + width);
    out[at..at + width].copy_from_slice(&prefix[..width]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_minimal() {
        for length in [0usize, 1, 127, 128, 129, 16_383, 16_384, 2_097_152] {
            let mut out = b"before".to_vec();
            let content: Vec<u8> = (0..length).map(|n| n as u8).collect();
            delimited::<()>(&mut out, |out| {
                out.put_slice(&content);
                Ok(())
            })
            .unwrap();
            let mut expected = b"before".to_vec();
            prost::encoding::encode_varint(length as u64, &mut expected);
            expected.extend(&content);
            assert!(out[..] == expected[..], "{length}");
        }
    }
}
