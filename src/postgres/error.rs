//! Why a statement has no rows, and which of the contract's reasons that is.

use std::io;

use crate::contract::options::Reason;

/// Cheap to clone, since one failure may answer many callers.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("the database URL is not usable: {0}")]
    Url(String),
    /// Not reached, refused, shutting down, or the connection was lost.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    #[error("the database cannot be reached by TLS: {0}")]
    Tls(String),
    #[error("no connection became free in time: raise postgres.connections_max or lower the load")]
    Busy,
    #[error("the deadline passed")]
    DeadlinePassed,
    /// 57014 that no deadline and no leaving caller of ours caused.
    #[error("someone else cancelled the statement")]
    Cancelled,
    #[error("the database's tables changed: {0}")]
    CatalogChanged(String),
    /// An earlier run of this session was dropped, cut or failed half-way.
    #[error("the session ended with an earlier run; take a new one")]
    Spent,
    /// Bytes no Postgres sends.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
    #[error("{0}")]
    Sql(Box<SqlFailure>),
}

/// What Postgres said. It displays as what may be logged: see `SqlFailure::told`.
#[derive(Debug, Clone, Default, thiserror::Error)]
#[error("SQLSTATE {state}: {}", self.told())]
pub struct SqlFailure {
    pub state: String,
    /// May hold a row's value, or a caller's.
    pub message: String,
    pub detail: Option<String>,
    pub constraint: Option<String>,
    pub schema: Option<String>,
    pub table: Option<String>,
    pub column: Option<String>,
    /// The server's function that raised it, which tells a stale plan from an unsupported feature.
    pub routine: Option<String>,
}

impl Error {
    /// The reason callers see.
    pub fn reason(&self) -> Reason {
        match self {
            Error::Unreachable(_) | Error::Tls(_) => Reason::DatabaseUnreachable,
            Error::Busy => Reason::DatabaseBusy,
            Error::DeadlinePassed => Reason::DeadlinePassed,
            Error::Cancelled => Reason::StatementCancelled,
            Error::CatalogChanged(_) => Reason::CatalogChanged,
            Error::Url(_) | Error::Spent | Error::Protocol(_) => Reason::Internal,
            Error::Sql(failure) => failure.reason(),
        }
    }
}

impl SqlFailure {
    fn reason(&self) -> Reason {
        match self.state.as_str() {
            "23502" | "23514" => Reason::ValueRejected,
            "23505" => Reason::RowExists,
            "23503" => Reason::ReferenceMissing,
            "40001" | "40P01" => Reason::TransactionConflict,
            "42501" => Reason::AccessDenied,
            "57014" => Reason::StatementCancelled,
            // Every session of ours only reads, on a primary and on a standby: what it runs writes.
            "25006" => Reason::ResourceUnfit,
            state => match state.get(..2) {
                // 54: what a value asks for is more than Postgres' own limits allow.
                Some("22" | "54") => Reason::ValueMalformed,
                Some("53") => Reason::DatabaseBusy,
                Some("08" | "57" | "28") => Reason::DatabaseUnreachable,
                Some("RC") if self.raised().is_some() => Reason::FunctionRaised,
                _ => Reason::Internal,
            },
        }
    }

    /// The message where it holds names and no values; else what else there is. Class 22 repeats the value that it does not
    /// like, some of class 42 the text that was to be read as a name or a query, and what somebody's function raises may say
    /// anything under any state.
    fn told(&self) -> String {
        const REPEATS_TEXT: [&str; 3] = ["42601", "42602", "42704"];
        const SAYS_NAMES: [&str; 21] = [
            "08", "0A", "21", "23", "24", "25", "26", "28", "2B", "34", "3B", "3D", "3F", "40", "42", "53",
            "54", "55", "57", "58", "F0",
        ];
        let class = self.state.get(..2).unwrap_or_default();
        let repeats = match self.state.as_str() {
            // A table of the statement itself, or text that was cast to one.
            "42P01" => self.routine.as_deref() != Some("parserOpenTable"),
            state => REPEATS_TEXT.contains(&state),
        };
        if SAYS_NAMES.contains(&class) && !repeats && !self.raised_by_function() {
            return self.message.clone();
        }
        let named = [("table", &self.table), ("column", &self.column), ("constraint", &self.constraint)];
        let named = named.iter().filter_map(|(what, name)| Some(format!(" of {what} {}", name.as_ref()?)));
        format!("(its message may hold values){}", named.collect::<String>())
    }

    /// Somebody's function has chosen state and message.
    pub fn raised_by_function(&self) -> bool {
        matches!(self.routine.as_deref(), Some("exec_stmt_raise" | "exec_stmt_assert"))
    }

    /// A prepared statement that the server has lost, or whose result is no longer what it was.
    pub(super) fn stale_plan(&self) -> bool {
        self.state == "26000"
            || self.state == "0A000" && self.routine.as_deref() == Some("RevalidateCachedQuery")
    }

    /// The gRPC code that a function raised as `RC` and three digits; 1 to 16.
    pub fn raised(&self) -> Option<u8> {
        let digits = self.state.strip_prefix("RC")?;
        digits.parse().ok().filter(|code| digits.len() == 3 && (1..=16).contains(code))
    }
}

impl From<SqlFailure> for Error {
    fn from(failure: SqlFailure) -> Error {
        match failure.state.as_str() {
            "57014" => Error::Cancelled,
            "42P01" | "42703" | "42883" | "26000" => Error::CatalogChanged(failure.told()),
            "0A000" if failure.stale_plan() => Error::CatalogChanged(failure.told()),
            state if state.starts_with("08") || state.starts_with("57") || state.starts_with("28") => {
                Error::Unreachable(failure.to_string())
            }
            _ => Error::Sql(Box::new(failure)),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Error::Protocol(error.to_string()),
            _ => Error::Unreachable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(state: &str) -> Reason {
        Error::from(SqlFailure { state: state.to_owned(), ..SqlFailure::default() }).reason()
    }

    #[test]
    fn a_message_that_may_hold_a_value_is_not_displayed() {
        let said = |state: &str, routine: Option<&str>| {
            let (state, message) = (state.to_owned(), "canary".to_owned());
            let (routine, column) = (routine.map(str::to_owned), Some("age".to_owned()));
            let failure = SqlFailure { state, message, routine, column, ..SqlFailure::default() };
            (failure.to_string(), Error::from(failure).to_string())
        };
        for (state, routine) in [
            ("22P02", None),
            ("P0001", None),
            ("RC005", None),
            ("42P01", Some("exec_stmt_raise")),
            ("57014", Some("exec_stmt_raise")),
            ("38000", None),
            ("42601", Some("makepol")),
            ("42704", None),
            ("42P01", Some("RangeVarGetRelidExtended")),
            ("XX000", None),
            ("", None),
        ] {
            let (failure, error) = said(state, routine);
            assert!(!failure.contains("canary") && !error.contains("canary"), "{failure} {error}");
            assert!(failure.ends_with("of column age"), "{failure}");
        }
        assert_eq!(said("42501", None).0, "SQLSTATE 42501: canary");
        assert_eq!(said("42P01", Some("parserOpenTable")).0, "SQLSTATE 42P01: canary");
    }

    #[test]
    fn every_state_has_its_reason() {
        for (state, expected) in [
            ("22P02", Reason::ValueMalformed),
            ("23502", Reason::ValueRejected),
            ("23514", Reason::ValueRejected),
            ("23505", Reason::RowExists),
            ("23503", Reason::ReferenceMissing),
            ("40001", Reason::TransactionConflict),
            ("40P01", Reason::TransactionConflict),
            ("42501", Reason::AccessDenied),
            ("53300", Reason::DatabaseBusy),
            ("57014", Reason::StatementCancelled),
            ("57P01", Reason::DatabaseUnreachable),
            ("08006", Reason::DatabaseUnreachable),
            ("25006", Reason::ResourceUnfit),
            ("28P01", Reason::DatabaseUnreachable),
            ("0A000", Reason::Internal),
            ("26000", Reason::CatalogChanged),
            ("42P01", Reason::CatalogChanged),
            ("42703", Reason::CatalogChanged),
            ("42883", Reason::CatalogChanged),
            ("54001", Reason::ValueMalformed),
            ("RC005", Reason::FunctionRaised),
            ("RC017", Reason::Internal),
            ("RC000", Reason::Internal),
            ("XX000", Reason::Internal),
            ("", Reason::Internal),
        ] {
            assert_eq!(reason(state), expected, "{state}");
        }
    }
}
