//! Postgres' times → the bodies of google's time messages.

use super::error::Fault;
use super::put;
use crate::contract::options::Unit;
use crate::plan::value::time::{self, DAY, EPOCH_SECONDS, HOUR, Interval, MINUTE, SECOND};

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
const TIMESTAMP_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
const DURATION_SECONDS_MAX: i128 = 315_576_000_000;
const NANOS: i128 = 1_000_000_000;

/// Microseconds since 2000 → google.protobuf.Timestamp.
pub fn timestamp(micros: i64, out: &mut Vec<u8>) -> Result<(), Fault> {
    let seconds = micros.div_euclid(SECOND) + EPOCH_SECONDS;
    let infinite = micros == i64::MAX || micros == i64::MIN;
    if infinite || !TIMESTAMP_SECONDS.contains(&seconds) {
        let mut text = String::new();
        let _ = time::write_timestamp(micros, "", &mut text);
        return Err(Fault::unrepresentable(format!(
            "{text} is no google.protobuf.Timestamp, which goes from year 1 to year 9999; {WAY_ROUND}"
        )));
    }
    put::integer_field(out, 1, seconds);
    put::integer_field(out, 2, micros.rem_euclid(SECOND) * 1000);
    Ok(())
}

/// What a caller and an owner can do about any of these.
const WAY_ROUND: &str = "leave the field out of the mask, or make it a string";

/// Days since 2000 → google.type.Date.
pub fn date(days: i32, out: &mut Vec<u8>) -> Result<(), Fault> {
    let (year, month, day) = time::civil(i64::from(days));
    if !(1..=9999).contains(&year) {
        let mut text = String::new();
        let _ = time::write_date(days, &mut text);
        return Err(Fault::unrepresentable(format!(
            "{text} is no google.type.Date, which goes from year 1 to year 9999; {WAY_ROUND}"
        )));
    }
    put::integer_field(out, 1, year);
    put::integer_field(out, 2, i64::from(month));
    put::integer_field(out, 3, i64::from(day));
    Ok(())
}

/// Microseconds since midnight → google.type.TimeOfDay, 24:00 included.
pub fn time_of_day(micros: i64, out: &mut Vec<u8>) -> Result<(), Fault> {
    if !(0..=DAY).contains(&micros) {
        return Err(crate::plan::value::BadBytes.into());
    }
    put::integer_field(out, 1, micros / HOUR);
    put::integer_field(out, 2, micros / MINUTE % 60);
    put::integer_field(out, 3, micros / SECOND % 60);
    put::integer_field(out, 4, micros % SECOND * 1000);
    Ok(())
}

/// A day is 24 hours; a month has no length.
pub fn interval(interval: Interval, out: &mut Vec<u8>) -> Result<(), Fault> {
    if interval.months != 0 {
        let mut text = String::new();
        let _ = time::write_interval(interval, &mut text);
        return Err(Fault::unrepresentable(format!(
            "{text} is no google.protobuf.Duration: a month has no fixed length; {WAY_ROUND}"
        )));
    }
    let micros = i128::from(interval.days) * i128::from(DAY) + i128::from(interval.micros);
    duration(micros * 1000, out)
}

/// `n` units.
pub fn count(n: i64, unit: Unit, out: &mut Vec<u8>) -> Result<(), Fault> {
    duration(i128::from(n) * i128::from(time::unit_nanos(unit)), out)
}

fn duration(nanos: i128, out: &mut Vec<u8>) -> Result<(), Fault> {
    let (seconds, rest) = (nanos / NANOS, nanos % NANOS);
    if seconds.abs() > DURATION_SECONDS_MAX || seconds.abs() == DURATION_SECONDS_MAX && rest != 0 {
        return Err(Fault::unrepresentable(format!(
            "{seconds} seconds are no google.protobuf.Duration, which ends at 10,000 years; {WAY_ROUND}"
        )));
    }
    put::integer_field(out, 1, seconds as i64);
    put::integer_field(out, 2, rest as i64);
    Ok(())
}
