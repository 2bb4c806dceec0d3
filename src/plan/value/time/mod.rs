//! Dates, times and spans as Postgres counts them ↔ their text, in ISO form and UTC.
//!
//! Postgres counts microseconds and days from 2000-01-01; the year 0 of these functions is 1 BC.

mod interval;

use std::fmt;

use super::binary::BadBytes;
use crate::contract::options::Unit;

pub use interval::{Interval, parse_duration, parse_interval, write_interval};

pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// From 1970-01-01 to 2000-01-01.
pub const EPOCH_DAYS: i64 = 10_957;
pub const EPOCH_SECONDS: i64 = EPOCH_DAYS * 86_400;

/// 4714-11-24 BC, where Postgres' calendar begins, and the end of its timestamps and dates.
const TIMESTAMP_MIN: i64 = -211_813_488_000_000_000;
const TIMESTAMP_END: i64 = 9_223_371_331_200_000_000;
const DATE_MIN: i64 = -2_451_545;
const DATE_END: i64 = 2_145_031_949;

/// Days since 2000-01-01 → year, month, day.
pub fn civil(days: i64) -> (i64, u8, u8) {
    // Counted in eras of 400 years that begin on a first of March, so that leap days come last.
    let shifted = days + EPOCH_DAYS + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u8, day as u8)
}

/// Year, month, day → days since 2000-01-01. None when there is no such day.
pub fn days(year: i64, month: u8, day: u8) -> Option<i64> {
    if !(1..=12).contains(&month) || day == 0 || year.abs() > 10_000_000 {
        return None;
    }
    let from_march = if month <= 2 { year - 1 } else { year };
    let era = from_march.div_euclid(400);
    let year_of_era = from_march.rem_euclid(400);
    let month_from_march = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468 - EPOCH_DAYS;
    (civil(days) == (year, month, day)).then_some(days)
}

/// What one of a unit lasts.
pub fn unit_nanos(unit: Unit) -> i64 {
    match unit {
        Unit::Unspecified | Unit::Nanoseconds => 1,
        Unit::Microseconds => 1_000,
        Unit::Milliseconds => 1_000_000,
        Unit::Seconds => 1_000_000_000,
        Unit::Minutes => 60_000_000_000,
        Unit::Hours => 3_600_000_000_000,
        Unit::Days => 86_400_000_000_000,
    }
}

pub fn write_timestamp(micros: i64, zone: &str, out: &mut dyn fmt::Write) -> fmt::Result {
    match micros {
        i64::MAX => return out.write_str("infinity"),
        i64::MIN => return out.write_str("-infinity"),
        _ => {}
    }
    let (year, month, day) = civil(micros.div_euclid(DAY));
    write_ymd(year, month, day, out)?;
    out.write_str(" ")?;
    write_clock(micros.rem_euclid(DAY), out)?;
    out.write_str(zone)?;
    out.write_str(era_suffix(year))
}

pub fn write_date(days: i32, out: &mut dyn fmt::Write) -> fmt::Result {
    match days {
        i32::MAX => return out.write_str("infinity"),
        i32::MIN => return out.write_str("-infinity"),
        _ => {}
    }
    let (year, month, day) = civil(i64::from(days));
    write_ymd(year, month, day, out)?;
    out.write_str(era_suffix(year))
}

pub fn write_time(micros: i64, out: &mut dyn fmt::Write) -> Result<(), BadBytes> {
    if !(0..=DAY).contains(&micros) {
        return Err(BadBytes);
    }
    Ok(write_clock(micros, out)?)
}

fn write_ymd(year: i64, month: u8, day: u8, out: &mut dyn fmt::Write) -> fmt::Result {
    let year = if year > 0 { year } else { 1 - year };
    write!(out, "{year:04}-{month:02}-{day:02}")
}

fn era_suffix(year: i64) -> &'static str {
    if year > 0 { "" } else { " BC" }
}

/// `HH:MM:SS`, and as much of the fraction as there is.
fn write_clock(micros: i64, out: &mut dyn fmt::Write) -> fmt::Result {
    let (hours, minutes, seconds) = (micros / HOUR, micros / MINUTE % 60, micros / SECOND % 60);
    write!(out, "{hours:02}:{minutes:02}:{seconds:02}")?;
    let mut fraction = micros % SECOND;
    if fraction == 0 {
        return Ok(());
    }
    let mut width = 6;
    while fraction % 10 == 0 {
        fraction /= 10;
        width -= 1;
    }
    write!(out, ".{fraction:0width$}")
}

/// A date, `infinity`, or a day with ` BC`.
pub fn parse_date(text: &str) -> Option<i32> {
    match text {
        "infinity" => return Some(i32::MAX),
        "-infinity" => return Some(i32::MIN),
        _ => {}
    }
    let (text, era) = strip_era(text);
    let (days, rest) = take_date(text, era)?;
    (rest.is_empty() && (DATE_MIN..DATE_END).contains(&days)).then_some(days as i32)
}

/// RFC 3339, or Postgres' form with a space and ` BC`; without a zone it is UTC.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    match text {
        "infinity" => return Some(i64::MAX),
        "-infinity" => return Some(i64::MIN),
        _ => {}
    }
    let (text, era) = strip_era(text);
    let (days, rest) = take_date(text, era)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone_at);
    let clock = parse_time(clock)?;
    let offset = match zone {
        "" | "Z" | "z" => 0,
        _ => {
            let sign = match zone.as_bytes()[0] {
                b'+' => 1,
                b'-' => -1,
                _ => return None,
            };
            let (hours, minutes) = match zone[1..].split_once(':') {
                Some((hours, minutes)) => (digits(hours, 2..=2)?, digits(minutes, 2..=2)?),
                None => (digits(&zone[1..], 2..=2)?, 0),
            };
            (hours < 16 && minutes < 60).then_some(sign * (hours * HOUR + minutes * MINUTE))?
        }
    };
    let micros = days.checked_mul(DAY)?.checked_add(clock)?.checked_sub(offset)?;
    (TIMESTAMP_MIN..TIMESTAMP_END).contains(&micros).then_some(micros)
}

/// `HH:MM`, `HH:MM:SS` or with a fraction; up to 24:00. Rounded to microseconds, as Postgres does.
pub fn parse_time(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let hours = digits(parts.next()?, 2..=2)?;
    let minutes = digits(parts.next()?, 2..=2)?;
    let seconds = match parts.next() {
        Some(seconds) => {
            let whole = seconds.split('.').next().unwrap_or(seconds);
            if whole.len() != 2 {
                return None;
            }
            seconds_as_micros(seconds)?
        }
        None => 0,
    };
    if minutes > 59 || seconds >= 61 * SECOND {
        return None;
    }
    let micros = hours * HOUR + minutes * MINUTE + seconds;
    (micros <= DAY).then_some(micros)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Era {
    Common,
    BeforeChrist,
}

fn strip_era(text: &str) -> (&str, Era) {
    match text.strip_suffix(" BC") {
        Some(text) => (text, Era::BeforeChrist),
        None => (text, Era::Common),
    }
}

/// `YYYY-MM-DD` at the start, and what follows it.
fn take_date(text: &str, era: Era) -> Option<(i64, &str)> {
    let (year, rest) = text.split_once('-')?;
    let (month, rest) = rest.split_once('-')?;
    let day = rest.get(..2)?;
    let year = digits(year, 4..=7)?;
    let year = match era {
        _ if year == 0 => return None,
        Era::Common => year,
        Era::BeforeChrist => 1 - year,
    };
    let days = days(year, digits(month, 2..=2)? as u8, digits(day, 2..=2)? as u8)?;
    Some((days, &rest[2..]))
}

fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<i64> {
    (length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// `12.345678` seconds, unsigned, rounded to microseconds.
fn seconds_as_micros(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    let whole = digits(whole, 1..=13)?;
    let Some(fraction) = fraction else { return whole.checked_mul(SECOND) };
    digits(fraction, 1..=18)?;
    let kept: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let up = fraction.as_bytes().get(6).is_some_and(|d| *d >= b'5');
    whole.checked_mul(SECOND)?.checked_add(kept.parse::<i64>().ok()? + i64::from(up))
}
