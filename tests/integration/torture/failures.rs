//! A failed call and the faults under way → whether it may have failed that way.

use std::error::Error as _;
use std::time::Duration;

use tonic::Code;

use super::episodes::Under;
use crate::support::Failure;

/// A deadline of the caller's own that is shorter may pass at any time on a busy machine.
const DEADLINE_SAFE: Duration = Duration::from_secs(5);
/// The server's clock begins a little earlier than the caller's, and rounds otherwise.
const CLOCKS_SLACK: Duration = Duration::from_millis(1);

/// What a call was, once it is over.
pub struct Made<'a> {
    pub method: &'a str,
    /// The caller's own deadline, or the server's.
    pub deadline: Duration,
    pub took: Duration,
    /// Its connection was cut by us.
    pub cut: bool,
}

/// Why a failure is a wrong answer; None when it is not.
pub fn wrong(failure: &Failure, made: &Made, faults: &[Under]) -> Option<&'static str> {
    match failure.reason.as_str() {
        "" if made.cut => None,
        // The connection was told to end before the call was sent; any client sends it again.
        "" if unsent(failure) => None,
        "" => Some("it has no reason"),
        "DEADLINE_PASSED" if failure.code != Code::DeadlineExceeded => Some("another reason's code"),
        "DEADLINE_PASSED" if made.took + CLOCKS_SLACK < made.deadline => Some("the deadline had not passed"),
        "DEADLINE_PASSED" if made.deadline < DEADLINE_SAFE => None,
        "DEADLINE_PASSED" if faults.iter().any(|under| under.fault.stalls()) => None,
        reason if code(reason) != Some(failure.code) => Some("no such reason, or another reason's code"),
        // Whoever would be answered too late is refused before it waits.
        "DATABASE_BUSY" if made.deadline < DEADLINE_SAFE => None,
        reason if faults.iter().any(|under| under.fault.explains(reason, made.method)) => None,
        _ => Some("nothing explains it"),
    }
}

/// Of the reasons that a fault may have.
fn code(reason: &str) -> Option<Code> {
    Some(match reason {
        "DATABASE_UNREACHABLE" | "CATALOG_CHANGED" => Code::Unavailable,
        "TOKEN_INVALID" => Code::InvalidArgument,
        "DATABASE_BUSY" | "OVERLOADED" => Code::ResourceExhausted,
        "STATEMENT_CANCELLED" => Code::Aborted,
        "ACCESS_DENIED" => Code::PermissionDenied,
        "RESOURCE_UNFIT" => Code::FailedPrecondition,
        "DEADLINE_PASSED" => Code::DeadlineExceeded,
        _ => return None,
    })
}

fn unsent(failure: &Failure) -> bool {
    let mut source = failure.status.source();
    while let Some(error) = source {
        let canceled = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        // Only calls that the server has not looked at fail by a GOAWAY.
        let told = error.downcast_ref::<h2::Error>().is_some_and(|error| {
            error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR)
        });
        if canceled || told {
            return true;
        }
        source = error.source();
    }
    false
}
