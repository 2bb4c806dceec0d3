//! Why a call failed, whatever stage it was at; `grpc` alone turns it into a status.

use std::sync::Arc;
use std::time::Duration;

use crate::contract::Problem;
use crate::plan::Refusal;
use crate::plan::bind::Failure;
use crate::{postgres, wire};

/// Cheap to clone: one failure may answer several callers.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Everything that is wrong with the request.
    #[error("the request cannot be bound")]
    Refused(#[from] Refusal),
    /// Rows that were asked for by name and do not exist.
    #[error("no such row: {}", names.join(", "))]
    Missing {
        /// `google.api.resource.type`.
        kind: String,
        names: Vec<String>,
    },
    /// The method, or a relation in its mask, does not fit the database.
    #[error("{subject} does not fit the database")]
    Unfit { subject: String, problems: Arc<[Problem]> },
    /// A function or a query answered with more than its limit.
    #[error("the result is larger than {bytes_max} bytes")]
    ResultTooLarge { bytes_max: usize },
    /// The caller of a stream took nothing of it for so long.
    #[error("nothing of the stream was taken for {stall_max:?}")]
    Stalled { stall_max: Duration },
    /// There are as many streams as there may be.
    #[error("{streams_max} streams are open")]
    StreamsFull { streams_max: usize },
    /// The callers of streams have not taken as much as may be kept for them.
    #[error("streams hold as much as they may")]
    StreamsLoaded,
    #[error("statement")]
    Postgres(#[from] postgres::Error),
    #[error("encoding")]
    Wire(#[from] wire::Error),
}

impl postgres::Failure for Error {
    /// What cannot be encoded, or is too large, may be another by now.
    fn elsewhere(&self) -> Option<postgres::Elsewhere> {
        match self {
            Error::Postgres(error) => error.elsewhere(),
            Error::Wire(_) | Error::ResultTooLarge { .. } => Some(postgres::Elsewhere::Said),
            Error::Refused(_)
            | Error::Missing { .. }
            | Error::Unfit { .. }
            | Error::Stalled { .. }
            | Error::StreamsFull { .. }
            | Error::StreamsLoaded => None,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Error::Refused(refusal),
            Failure::Unfit(unfit) => Error::Unfit { subject: unfit.path, problems: unfit.problems.into() },
        }
    }
}
