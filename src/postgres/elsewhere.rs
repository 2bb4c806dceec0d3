//! A standby's failure → whether the primary is asked.
//!
//! A standby may lack a table, a row, a grant, or have what is gone, so that whatever it refuses the primary may
//! answer; and an error carries no snapshot that would prove it fresh. So all that it says goes to the primary, and only what
//! came from us stands: a deadline, a cancel.

use super::error::Error;

/// Why another server may answer what this one did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// It is not there, lets nobody in, went away half-way, or is not what it should be.
    Gone,
    /// All connections to it are in use.
    Busy,
    /// It has answered, and what it showed is older than the caller may be shown.
    TooOld,
    /// Postgres has refused it there, a conflict with recovery and a catalog that is behind included.
    Said,
}

/// Why a read has no answer.
pub trait Failure {
    /// None when no other server is to be asked.
    fn elsewhere(&self) -> Option<Elsewhere>;
}

/// How a read ended at one server, without an answer for its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss<E> {
    /// There is an answer, and it cannot be proved to be fresh enough.
    TooOld,
    Failed(E),
}

impl<E> From<E> for Miss<E> {
    fn from(error: E) -> Self {
        Miss::Failed(error)
    }
}

impl<E: Failure> Failure for Miss<E> {
    fn elsewhere(&self) -> Option<Elsewhere> {
        match self {
            Miss::TooOld => Some(Elsewhere::TooOld),
            Miss::Failed(error) => error.elsewhere(),
        }
    }
}

impl Failure for Error {
    fn elsewhere(&self) -> Option<Elsewhere> {
        match self {
            Error::Unreachable(_) | Error::Tls(_) | Error::Protocol(_) => Some(Elsewhere::Gone),
            Error::Busy => Some(Elsewhere::Busy),
            Error::Sql(failure) if failure.state.starts_with("53") => Some(Elsewhere::Busy),
            Error::Sql(_) | Error::CatalogChanged(_) => Some(Elsewhere::Said),
            // Who cancelled it there does not want it run elsewhere.
            Error::Cancelled | Error::DeadlinePassed | Error::Spent | Error::Url(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::SqlFailure;
    use super::*;

    fn of(state: &str) -> Option<Elsewhere> {
        Error::from(SqlFailure { state: state.to_owned(), ..SqlFailure::default() }).elsewhere()
    }

    #[test]
    fn what_a_standby_says_is_asked_of_the_primary() {
        for (state, expected) in [
            // A conflict with recovery cancels a statement, or ends a connection.
            ("40001", Some(Elsewhere::Said)),
            ("40P01", Some(Elsewhere::Said)),
            ("57P04", Some(Elsewhere::Gone)),
            // Not during recovery: writes, strong locks, unlogged tables.
            ("25006", Some(Elsewhere::Said)),
            ("55000", Some(Elsewhere::Said)),
            ("0A000", Some(Elsewhere::Said)),
            // A catalog, or data, that are behind.
            ("42P01", Some(Elsewhere::Said)),
            ("42703", Some(Elsewhere::Said)),
            ("42501", Some(Elsewhere::Said)),
            ("22P02", Some(Elsewhere::Said)),
            ("3F000", Some(Elsewhere::Said)),
            ("RC005", Some(Elsewhere::Said)),
            ("XX000", Some(Elsewhere::Said)),
            ("57P01", Some(Elsewhere::Gone)),
            ("57P02", Some(Elsewhere::Gone)),
            ("57P03", Some(Elsewhere::Gone)),
            ("08006", Some(Elsewhere::Gone)),
            ("28000", Some(Elsewhere::Gone)),
            ("53300", Some(Elsewhere::Busy)),
            ("57014", None),
        ] {
            assert_eq!(of(state), expected, "{state}");
        }
    }

    #[test]
    fn what_is_ours_is_asked_of_nobody() {
        assert_eq!(Error::DeadlinePassed.elsewhere(), None);
        assert_eq!(Error::Spent.elsewhere(), None);
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert_eq!(Error::from(broken).elsewhere(), Some(Elsewhere::Gone));
        assert_eq!(Miss::from(Error::Busy).elsewhere(), Some(Elsewhere::Busy));
        assert_eq!(Miss::<Error>::TooOld.elsewhere(), Some(Elsewhere::TooOld));
    }
}
