//! A float → the shortest text that reads back the same, in the form Postgres writes.

use std::fmt::{self, Write as _};

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
