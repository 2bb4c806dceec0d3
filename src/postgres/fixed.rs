//! The settings every statement runs under, so that text is the same from every server.

use std::fmt::Write as _;
use std::time::Duration;

const SETTINGS: &[(&str, &str)] = &[
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
    ("xmlbinary", "base64"),
    ("standard_conforming_strings", "on"),
    ("client_encoding", "UTF8"),
];

/// For as long as the connection lasts; without effect behind a pooler, where the server's process
/// is not the one the pooler names and the settings would reach other clients.
pub(super) fn session(statement_max: Duration, process_id: i32) -> String {
    let mut values = String::new();
    for (name, value) in SETTINGS {
        let _ = write!(values, "('{name}', '{value}'), ");
    }
    format!(
        "SELECT pg_catalog.set_config(name, value, false) FROM (VALUES {values}\
        ('default_transaction_read_only', 'on'), ('statement_timeout', '{}')) AS fixed (name, value) \
        WHERE pg_catalog.pg_backend_pid() = {process_id}",
        milliseconds(statement_max),
    )
}

/// For one transaction: everything, behind a pooler.
pub(super) fn transaction(statement_max: Duration) -> String {
    let mut calls = String::new();
    for (name, value) in SETTINGS {
        let _ = write!(calls, "pg_catalog.set_config('{name}', '{value}', true), ");
    }
    format!(
        "SELECT {calls}pg_catalog.set_config('transaction_read_only', 'on', true), \
        pg_catalog.set_config('statement_timeout', '{}', true)",
        milliseconds(statement_max),
    )
}

/// For one transaction: how long its statements may run.
pub(super) fn statement_timeout(remaining: Duration) -> String {
    format!("SELECT pg_catalog.set_config('statement_timeout', '{}', true)", milliseconds(remaining))
}

/// Zero would mean no limit.
fn milliseconds(duration: Duration) -> u128 {
    duration.as_millis().clamp(1, i32::MAX as u128)
}
