//! Addresses and UUIDs: text ↔ binary.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

use super::binary::{BadBytes, Reader};
use super::class::Class;

/// Postgres' own numbers for the address families.
const V4: u8 = 2;
const V6: u8 = 3;

/// The prefix is left out of an `inet` that is one host.
pub fn write_inet(binary: &[u8], out: &mut dyn fmt::Write) -> Result<(), BadBytes> {
    let mut reader = Reader::new(binary);
    let family = reader.u8()?;
    let prefix = reader.u8()?;
    let is_cidr = reader.u8()? != 0;
    let length = reader.u8()?;
    let bytes = reader.take(usize::from(length))?;
    reader.end()?;
    let host_bits = match family {
        V4 => {
            let octets: [u8; 4] = bytes.try_into().map_err(|_| BadBytes)?;
            write!(out, "{}", Ipv4Addr::from(octets))?;
            32
        }
        V6 => {
            let octets: [u8; 16] = bytes.try_into().map_err(|_| BadBytes)?;
            let address = Ipv6Addr::from(octets);
            match address.segments() {
                // Postgres writes the last two words of these as an IPv4 address.
                [0, 0, 0, 0, 0, 0, high, _] if high != 0 => {
                    let [.., a, b, c, d] = octets;
                    write!(out, "::{}", Ipv4Addr::new(a, b, c, d))?;
                }
                _ => write!(out, "{address}")?,
            }
            128
        }
        _ => return Err(BadBytes),
    };
    if prefix > host_bits {
        return Err(BadBytes);
    }
    if is_cidr || prefix < host_bits {
        write!(out, "/{prefix}")?;
    }
    Ok(())
}

/// An address, with or without a prefix; a `cidr` has no bits behind its prefix.
pub fn parse_inet(text: &str, class: &Class) -> Option<Bytes> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let (family, octets, bits) = match address {
        IpAddr::V4(v4) => (V4, v4.octets().to_vec(), 32u8),
        IpAddr::V6(v6) => (V6, v6.octets().to_vec(), 128u8),
    };
    let prefix = match prefix {
        Some(p) if p.bytes().all(|b| b.is_ascii_digit()) => p.parse().ok().filter(|p| *p <= bits)?,
        Some(_) => return None,
        None => bits,
    };
    let is_cidr = *class == Class::Cidr;
    let set_behind =
        (usize::from(prefix)..usize::from(bits)).any(|at| octets[at / 8] & (0x80 >> (at % 8)) != 0);
    if is_cidr && set_behind {
        return None;
    }
    let mut binary = vec![family, prefix, u8::from(is_cidr), octets.len() as u8];
    binary.extend(octets);
    Some(binary.into())
}

pub fn write_macaddr(binary: &[u8], out: &mut dyn fmt::Write) -> Result<(), BadBytes> {
    let [a, b, c, d, e, f]: [u8; 6] = binary.try_into().map_err(|_| BadBytes)?;
    Ok(write!(out, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")?)
}

pub fn parse_macaddr(text: &str) -> Option<Bytes> {
    let parts = text.split([':', '-']).map(|part| match part.len() {
        2 => hexadecimal(part)?.first().copied(),
        _ => None,
    });
    let bytes: Vec<u8> = parts.collect::<Option<_>>()?;
    (bytes.len() == 6).then(|| bytes.into())
}

pub fn write_uuid(binary: &[u8], out: &mut dyn fmt::Write) -> Result<(), BadBytes> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let binary: [u8; 16] = binary.try_into().map_err(|_| BadBytes)?;
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (i, byte) in binary.into_iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    Ok(out.write_str(std::str::from_utf8(&text).map_err(|_| BadBytes)?)?)
}

pub fn parse_uuid(text: &str) -> Option<Bytes> {
    let hyphens = text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| (b == b'-') == matches!(i, 8 | 13 | 18 | 23));
    if !hyphens {
        return None;
    }
    hexadecimal(&text.replace('-', "")).map(Bytes::from)
}

/// Pairs of hexadecimal digits.
pub fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    bytes.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
