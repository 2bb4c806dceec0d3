//! The settings every statement runs under, so that text is the same from every server.

use std::fmt::Write as _;
use std::time::Duration;

use super::settings::Access;

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

/// Which settings are not as they were set: a function may change them for the session. Of those
/// that matter to text most are reported by the server, before it is ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changed {
    which: u16,
    /// What the connection may do.
    pub access: Access,
}

impl Changed {
    /// A ParameterStatus message.
    pub fn heard(&mut self, name: &str, value: &str) {
        let read_only = (READ_ONLY, on_when_read_only(self.access));
        let fixed = SETTINGS.iter().chain([&read_only]);
        for (at, (_, fixed)) in fixed.enumerate().filter(|(_, (fixed, _))| *fixed == name) {
            self.which = self.which & !(1 << at) | u16::from(*fixed != value) << at;
        }
    }

    pub fn any(self) -> bool {
        self.which != 0
    }
}

const READ_ONLY: &str = "default_transaction_read_only";

fn on_when_read_only(access: Access) -> &'static str {
    match access {
        Access::ReadOnly => "on",
        Access::ReadWrite => "off",
    }
}

/// For as long as the connection lasts; without effect behind a pooler, where the server's process
/// is not the one the pooler names and the settings would reach other clients.
pub(super) fn session(statement_max: Duration, process_id: i32, access: Access) -> String {
    let mut values = String::new();
    for (name, value) in SETTINGS {
        let _ = write!(values, "('{name}', '{value}'), ");
    }
    format!(
        "SELECT pg_catalog.set_config(name, value, false) FROM (VALUES {values}\
        ('{}', '{}'), ('statement_timeout', '{}')) AS fixed (name, value) \
        WHERE pg_catalog.pg_backend_pid() = {process_id}",
        READ_ONLY,
        on_when_read_only(access),
        milliseconds(statement_max),
    )
}

/// For one transaction: everything, behind a pooler.
pub(super) fn transaction(statement_max: Duration, access: Access) -> String {
    let mut calls = String::new();
    for (name, value) in SETTINGS {
        let _ = write!(calls, "pg_catalog.set_config('{name}', '{value}', true), ");
    }
    format!(
        "SELECT {calls}pg_catalog.set_config('transaction_read_only', '{}', true), \
        pg_catalog.set_config('statement_timeout', '{}', true)",
        on_when_read_only(access),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_back_is_as_it_was() {
        let mut changed = Changed::default();
        for (name, value, expected) in [
            ("server_version", "15.0", false),
            ("TimeZone", "UTC", false),
            ("TimeZone", "Asia/Tokyo", true),
            ("DateStyle", "SQL, DMY", true),
            ("TimeZone", "UTC", true),
            ("DateStyle", "ISO, YMD", false),
            ("default_transaction_read_only", "off", true),
        ] {
            changed.heard(name, value);
            assert_eq!(changed.any(), expected, "{name} {value}");
        }
    }
}
