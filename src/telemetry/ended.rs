//! What is known of a call that has ended.

use std::sync::Arc;
use std::time::Instant;

use http::HeaderValue;
use tonic::Code;

use super::trace::Trace;
use crate::call::{Served, Timed};
use crate::contract::options::Reason;
use crate::postgres::Ran;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    pub code: Code,
    /// None where the status has no `ErrorInfo`.
    pub reason: Option<Reason>,
}

impl Outcome {
    pub const OK: Outcome = Outcome { code: Code::Ok, reason: None };
    /// The caller has left.
    pub const LEFT: Outcome = Outcome { code: Code::Cancelled, reason: Some(Reason::CallCancelled) };
    /// Its work has panicked.
    pub const PANICKED: Outcome = Outcome { code: Code::Internal, reason: Some(Reason::Internal) };

    pub fn reason_or_none(self) -> &'static str {
        self.reason.map_or("none", |reason| reason.as_str_name())
    }

    /// Refused since there was too much to do.
    pub fn shed(self) -> bool {
        matches!(self.reason, Some(Reason::Overloaded | Reason::DatabaseBusy))
    }

    /// Whether it counts against the budget of what callers may be failed.
    pub fn ours(self) -> bool {
        match self.code {
            Code::Unknown | Code::DeadlineExceeded | Code::Internal | Code::Unavailable | Code::DataLoss => {
                true
            }
            Code::ResourceExhausted => self.shed(),
            _ => false,
        }
    }
}

/// A call to be told as a trace.
#[derive(Debug)]
pub struct Ended {
    /// `package.Service/Method`.
    pub method: String,
    pub trace: Trace,
    pub state: Option<HeaderValue>,
    pub started: Instant,
    pub ended: Instant,
    pub outcome: Outcome,
    pub stages: Vec<Timed>,
    pub statements: Vec<Arc<Ran>>,
    /// Further statements that are not told.
    pub left_out: usize,
    pub served: Option<Served>,
}

/// As gRPC and `grpc.status` write it.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
