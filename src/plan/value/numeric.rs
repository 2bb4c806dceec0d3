//! A numeric's text ↔ its binary form: groups of four digits, a weight, a sign and a scale.

use std::fmt::{self, Write as _};

use bytes::{BufMut, Bytes, BytesMut};

use super::binary::{BadBytes, Reader};

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITE: u16 = 0xD000;
const NEGATIVE_INFINITE: u16 = 0xF000;

/// Digits before the point that Postgres stores at most.
const INTEGER_DIGITS_MAX: i64 = 131_072;
/// Digits after the point.
const SCALE_MAX: i64 = 16_383;

/// Every digit, trailing zeros included, as Postgres writes it.
pub fn write(binary: &[u8], out: &mut dyn fmt::Write) -> Result<(), BadBytes> {
    let mut reader = Reader::new(binary);
    let count = reader.u16()?;
    let weight = i32::from(reader.i16()?);
    let sign = reader.u16()?;
    let scale = usize::from(reader.u16()?);
    let groups = reader.take(usize::from(count) * 2)?;
    reader.end()?;
    let special = match sign {
        POSITIVE => "",
        NEGATIVE => "-",
        NAN => "NaN",
        INFINITE => "Infinity",
        NEGATIVE_INFINITE => "-Infinity",
        _ => return Err(BadBytes),
    };
    out.write_str(special).map_err(|_| BadBytes)?;
    if !matches!(sign, POSITIVE | NEGATIVE) {
        return Ok(());
    }

    let group = |at: i32| -> Result<u16, BadBytes> {
        let at = usize::try_from(at).ok().map(|at| at * 2);
        match at.and_then(|at| groups.get(at..at + 2)) {
            None => Ok(0),
            Some(bytes) => {
                Some(u16::from_be_bytes([bytes[0], bytes[1]])).filter(|g| *g < 10_000).ok_or(BadBytes)
            }
        }
    };
    let mut digits = Digits { out, buffer: [0; 64], len: 0 };
    if weight < 0 {
        digits.push(b"0")?;
    } else {
        let first = group(0)?;
        let four = quartet(first);
        digits.push(&four[four.iter().take(3).take_while(|d| **d == b'0').count()..])?;
        for at in 1..=weight {
            digits.push(&quartet(group(at)?))?;
        }
    }
    if scale > 0 {
        digits.push(b".")?;
        let mut left = scale;
        let mut at = weight + 1;
        while left > 0 {
            let four = quartet(group(at)?);
            let n = left.min(4);
            digits.push(&four[..n])?;
            left -= n;
            at += 1;
        }
    }
    digits.flush()
}

fn quartet(group: u16) -> [u8; 4] {
    let digit = |n: u16| b'0' + (n % 10) as u8;
    [digit(group / 1000), digit(group / 100), digit(group / 10), digit(group)]
}

/// Digits collected, so that they are not written four by four.
struct Digits<'a> {
    out: &'a mut dyn fmt::Write,
    buffer: [u8; 64],
    len: usize,
}

impl Digits<'_> {
    fn push(&mut self, digits: &[u8]) -> Result<(), BadBytes> {
        if self.len + digits.len() > self.buffer.len() {
            self.flush()?;
        }
        self.buffer[self.len..self.len + digits.len()].copy_from_slice(digits);
        self.len += digits.len();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BadBytes> {
        let text = std::str::from_utf8(&self.buffer[..self.len]).map_err(|_| BadBytes)?;
        self.len = 0;
        self.out.write_str(text).map_err(|_| BadBytes)
    }
}

/// What `numeric_recv` reads. None when the text is no number, or one that Postgres cannot store.
pub fn parse(text: &str) -> Option<Bytes> {
    match text {
        "NaN" => return Some(encode(&[], 0, NAN, 0)),
        "Infinity" | "infinity" | "inf" => return Some(encode(&[], 0, INFINITE, 0)),
        "-Infinity" | "-infinity" | "-inf" => return Some(encode(&[], 0, NEGATIVE_INFINITE, 0)),
        _ => {}
    }
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if integer.len() + fraction.len() == 0 || !all_digits(integer) || !all_digits(fraction) {
        return None;
    }
    let scale = (fraction.len() as i64 - i64::from(exponent)).max(0);
    // Where the point is, counted in digits from the start of all of them.
    let point = integer.len() as i64 + i64::from(exponent);
    if scale > SCALE_MAX {
        return None;
    }
    let digits: Vec<u8> = integer.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
    let Some(first) = digits.iter().position(|d| *d != 0) else {
        return Some(encode(&[], 0, POSITIVE, scale as u16));
    };
    let last = digits.iter().rposition(|d| *d != 0).unwrap_or(first);
    if point - first as i64 > INTEGER_DIGITS_MAX {
        return None;
    }
    // A digit at position p stands for 10^(point-1-p): its group is that power over four, floored.
    let power = |position: usize| point - 1 - position as i64;
    let weight = power(first).div_euclid(4);
    let lowest = power(last).div_euclid(4);
    let mut groups = vec![0u16; usize::try_from(weight - lowest + 1).ok()?];
    for (position, digit) in digits.iter().enumerate().take(last + 1).skip(first) {
        let power = power(position);
        let group = usize::try_from(weight - power.div_euclid(4)).ok()?;
        groups[group] += u16::from(*digit) * 10u16.pow(power.rem_euclid(4) as u32);
    }
    let sign = if negative { NEGATIVE } else { POSITIVE };
    Some(encode(&groups, i16::try_from(weight).ok()?, sign, scale as u16))
}

fn encode(groups: &[u16], weight: i16, sign: u16, scale: u16) -> Bytes {
    let mut out = BytesMut::with_capacity(8 + groups.len() * 2);
    out.put_u16(groups.len() as u16);
    out.put_i16(weight);
    out.put_u16(sign);
    out.put_u16(scale);
    for group in groups {
        out.put_u16(*group);
    }
    out.freeze()
}

/// A double's shortest text that reads back the same, as Postgres writes it.
pub fn write_double(value: f64, out: &mut dyn fmt::Write) -> fmt::Result {
    write_real(&format_args!("{value:e}"), value.is_finite(), value, 15, out)
}

/// The same for a float.
pub fn write_float(value: f32, out: &mut dyn fmt::Write) -> fmt::Result {
    write_real(&format_args!("{value:e}"), value.is_finite(), f64::from(value), 6, out)
}

/// `scientific` is the shortest form with an exponent; from 10^`plain_max` on, and below 0.0001,
/// Postgres keeps the exponent.
fn write_real(
    scientific: &fmt::Arguments<'_>,
    finite: bool,
    value: f64,
    plain_max: i32,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    if !finite {
        return out.write_str(if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        });
    }
    let mut text = Short::default();
    text.write_fmt(*scientific)?;
    let text = std::str::from_utf8(&text.bytes[..text.len]).map_err(|_| fmt::Error)?;
    let (mantissa, exponent) = text.split_once('e').ok_or(fmt::Error)?;
    let exponent: i32 = exponent.parse().map_err(|_| fmt::Error)?;
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    out.write_str(sign)?;
    if !(-4..plain_max).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return write!(out, "{mantissa}e{sign}{:02}", exponent.abs());
    }
    let (first, others) = mantissa.split_at(1);
    let others = others.strip_prefix('.').unwrap_or("");
    if exponent < 0 {
        out.write_str("0.")?;
        for _ in 1..-exponent {
            out.write_str("0")?;
        }
        return write!(out, "{first}{others}");
    }
    let whole = exponent as usize;
    out.write_str(first)?;
    if others.len() > whole {
        write!(out, "{}.{}", &others[..whole], &others[whole..])
    } else {
        out.write_str(others)?;
        (others.len()..whole).try_for_each(|_| out.write_str("0"))
    }
}

/// Room for a double's shortest scientific form: at most 24 characters.
#[derive(Default)]
struct Short {
    bytes: [u8; 32],
    len: usize,
}

impl fmt::Write for Short {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let end = self.len + s.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(s.as_bytes());
        self.len = end;
        Ok(())
    }
}
