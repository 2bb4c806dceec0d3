//! Spans of time as Postgres keeps them ↔ their text, and protobuf's durations in JSON form.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::{HOUR, SECOND, digits, parse_time, write_clock};
use crate::plan::value::binary::{self, BadBytes, Reader};

/// An interval's three parts, which have no common measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

impl Interval {
    /// Since Postgres 17.
    pub const INFINITE: Interval = Interval { months: i32::MAX, days: i32::MAX, micros: i64::MAX };
    pub const NEGATIVE_INFINITE: Interval = Interval { months: i32::MIN, days: i32::MIN, micros: i64::MIN };

    pub fn read(binary: &[u8]) -> Result<Self, BadBytes> {
        binary::whole(binary, |reader: &mut Reader<'_>| {
            let micros = reader.i64()?;
            let days = reader.i32()?;
            Ok(Interval { micros, days, months: reader.i32()? })
        })
    }

    pub fn to_binary(self) -> Bytes {
        let mut out = BytesMut::with_capacity(16);
        out.put_i64(self.micros);
        out.put_i32(self.days);
        out.put_i32(self.months);
        out.freeze()
    }
}

pub fn write_interval(interval: Interval, out: &mut dyn fmt::Write) -> fmt::Result {
    match interval {
        Interval::INFINITE => return out.write_str("infinity"),
        Interval::NEGATIVE_INFINITE => return out.write_str("-infinity"),
        _ => {}
    }
    let parts = [(interval.months / 12, "year"), (interval.months % 12, "mon"), (interval.days, "day")];
    let mut separator = "";
    // Behind a negative part, a positive one carries its sign.
    let mut before_negative = false;
    for (n, unit) in parts.into_iter().filter(|(n, _)| *n != 0) {
        let sign = if before_negative && n > 0 { "+" } else { "" };
        let plural = if n == 1 { "" } else { "s" };
        write!(out, "{separator}{sign}{n} {unit}{plural}")?;
        before_negative = n < 0;
        separator = " ";
    }
    if interval.micros == 0 && !separator.is_empty() {
        return Ok(());
    }
    let sign = if interval.micros < 0 {
        "-"
    } else if before_negative {
        "+"
    } else {
        ""
    };
    write!(out, "{separator}{sign}")?;
    // The smallest i64 has no positive twin; its magnitude does not fit the clock's signed count.
    let magnitude = interval.micros.unsigned_abs();
    let hours = magnitude / HOUR as u64;
    let within = (magnitude % HOUR as u64) as i64;
    let mut clock = String::with_capacity(16);
    write_clock(within, &mut clock)?;
    write!(out, "{hours:02}{}", &clock[2..])
}

/// Postgres' form (`1 mon 3 days 04:05:06.7`) or a protobuf duration (`200s`, `-1.5s`).
pub fn parse_interval(text: &str) -> Option<Interval> {
    match text {
        "infinity" => return Some(Interval::INFINITE),
        "-infinity" => return Some(Interval::NEGATIVE_INFINITE),
        _ => {}
    }
    if let Some((seconds, nanos)) = parse_duration(text) {
        let micros = seconds
            .checked_mul(SECOND)?
            .checked_add((i64::from(nanos) + i64::from(nanos.signum()) * 500) / 1000)?;
        return Some(Interval { micros, ..Interval::default() });
    }
    let mut interval = Interval::default();
    let mut words = text.split(' ');
    let mut last = 0;
    loop {
        let word = words.next()?;
        let Some(unit) = words.next() else {
            // What stands alone at the end is the clock.
            let (negative, clock) = match word.as_bytes().first()? {
                b'-' => (true, &word[1..]),
                b'+' => (false, &word[1..]),
                _ => (false, word),
            };
            let (hours, rest) = clock.split_once(':')?;
            let within = parse_time(&format!("00:{rest}"))?;
            let whole = i128::from(digits(hours, 2..=10)?) * i128::from(HOUR) + i128::from(within);
            interval.micros = i64::try_from(if negative { -whole } else { whole }).ok()?;
            return Some(interval);
        };
        let n: i32 = word.parse().ok()?;
        let (rank, slot, scale) = match unit {
            "year" | "years" => (1, &mut interval.months, 12),
            "mon" | "mons" => (2, &mut interval.months, 1),
            "day" | "days" => (3, &mut interval.days, 1),
            _ => return None,
        };
        if rank <= last {
            return None;
        }
        last = rank;
        *slot = slot.checked_add(n.checked_mul(scale)?)?;
        if words.clone().next().is_none() {
            return Some(interval);
        }
    }
}

/// A protobuf duration in its JSON form, `-1.5s` → seconds and nanoseconds of one sign.
pub fn parse_duration(text: &str) -> Option<(i64, i32)> {
    let text = text.strip_suffix('s')?;
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    let seconds = digits(whole, 1..=12)?;
    let nanos = match fraction {
        Some(fraction) => {
            digits(fraction, 1..=9)?;
            format!("{fraction:0<9}").parse::<i32>().ok()?
        }
        None => 0,
    };
    Some(if negative { (-seconds, -nanos) } else { (seconds, nanos) })
}
