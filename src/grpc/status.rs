//! A failure → its gRPC status, with reason and details; the only place that makes one.
//!
//! Default closed: what is not on the contract's list is INTERNAL with a trace id, and its cause is the operator's.

use std::error::Error as _;
use std::time::Duration;

use tonic::{Code, Status};

use super::details::{Failure, Told, bare};
use super::request::Unreadable;
use crate::Error;
use crate::call::{Call, Deadline};
use crate::contract::Problem;
use crate::contract::options::Reason;
use crate::plan::Refusal;
use crate::telemetry::{Outcome, Trace};
use crate::{postgres, wire};

/// So many missing rows are named in a message.
const NAMED_MAX: usize = 10;

/// How a call ended that ended so.
pub fn outcome(status: &Status) -> Outcome {
    let outcome = |told: &Told| Outcome { code: status.code(), reason: Some(told.0) };
    let told = status.source().and_then(|source| source.downcast_ref());
    told.map_or(Outcome { code: status.code(), reason: None }, outcome)
}

pub fn of(error: &Error, call: &Call, trace: &Trace) -> Status {
    match error {
        Error::Refused(refusal) => refused(refusal),
        Error::Missing { kind, names } => missing(kind, names),
        Error::Unfit { subject, problems } => unfit(subject, problems),
        Error::ResultTooLarge { bytes_max } => too_large(*bytes_max),
        Error::Stalled { stall_max } => stalled(*stall_max),
        Error::StreamsFull { streams_max } => overloaded("streams", *streams_max),
        Error::StreamsLoaded => streams_loaded(),
        Error::Wire(failure) => unencodable(failure, trace),
        Error::Postgres(postgres::Error::DeadlinePassed) => deadline_passed(call),
        Error::Postgres(failure) => unanswered(failure, trace),
    }
}

/// Everything that is wrong with a request.
pub fn refused(refusal: &Refusal) -> Status {
    let first = refusal.violations.first();
    let reason = first.map_or(Reason::FieldInvalid, |violation| violation.reason);
    let failure = Failure::new(reason, refusal.to_string()).fields(
        refusal
            .violations
            .iter()
            .map(|violation| (violation.field.as_str(), violation.description.as_str(), violation.reason)),
    );
    match first.and_then(|violation| violation.column) {
        Some(column) => failure.info("position", column).status(),
        None => failure.status(),
    }
}

fn missing(kind: &str, names: &[String]) -> Status {
    let listed = names.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    let message = match names.len() {
        0 => format!("{kind}: no such row"),
        1 => format!("{listed} does not exist"),
        count if count <= NAMED_MAX => format!("{listed} do not exist"),
        count => format!("{listed} and {} more do not exist", count - NAMED_MAX),
    };
    Failure::new(Reason::RowMissing, message).resources(kind, names.iter().map(String::as_str)).status()
}

/// Says what does not fit, and not why: the texts name tables and columns, which are the operator's.
fn unfit(subject: &str, problems: &[Problem]) -> Status {
    let subject = subject.trim_start_matches('/');
    let message = format!(
        "{subject} does not fit the database and is not served; `rowcall check` tells its operator why"
    );
    Failure::new(Reason::ResourceUnfit, message)
        .preconditions(
            Reason::ResourceUnfit.as_str_name(),
            problems.iter().map(|problem| problem.subject.as_str()),
        )
        .status()
}

fn too_large(bytes_max: usize) -> Status {
    let message = format!("the answer is larger than {bytes_max} bytes; ask for less");
    Failure::new(Reason::ResultTooLarge, message).info("bytes_max", bytes_max).status()
}

fn unencodable(failure: &wire::Error, trace: &Trace) -> Status {
    match failure {
        wire::Error::Unrepresentable { row, field, .. } => {
            Failure::new(Reason::ValueUnrepresentable, failure.to_string())
                .info("row", row)
                .info("field", field)
                .status()
        }
        wire::Error::RowTooLarge { row, bytes_max, .. } => {
            Failure::new(Reason::RowTooLarge, failure.to_string())
                .info("row", row)
                .info("bytes_max", bytes_max)
                .status()
        }
        wire::Error::Malformed { .. } => internal(trace),
    }
}

/// In words of our own, but for what a function's author wrote for callers.
fn unanswered(failure: &postgres::Error, trace: &Trace) -> Status {
    let reason = failure.reason();
    let stated = match failure {
        postgres::Error::Sql(stated) => Some(stated),
        _ => None,
    };
    if let Some((stated, code)) = stated.and_then(|stated| Some((stated, stated.raised()?))) {
        return Failure::new(reason, &stated.message).code(Code::from_i32(code.into())).status();
    }
    if reason == Reason::Internal {
        return internal(trace);
    }
    let described = Failure::new(reason, said(reason));
    match stated.and_then(|stated| stated.constraint.as_ref()) {
        Some(constraint) => described.info("constraint", constraint).status(),
        None => described.status(),
    }
}

fn said(reason: Reason) -> &'static str {
    match reason {
        Reason::ValueMalformed => "a value is not one that its type has; look at the request's values",
        Reason::ValueRejected => "a constraint of the database rejects a value",
        Reason::RowExists => "a row with this key exists already",
        Reason::ReferenceMissing => "a row that is referred to does not exist",
        Reason::RowReferenced => "other rows still refer to this one",
        Reason::TransactionConflict => "two transactions were in each other's way; try again",
        Reason::AccessDenied => "the database does not allow this",
        Reason::ResourceUnfit => {
            "what this calls in the database writes, and calls only read; the log tells its operator more"
        }
        Reason::DatabaseBusy => "no connection to the database is free in time; try again",
        Reason::DatabaseUnreachable => "the database cannot be reached; try again",
        Reason::StatementCancelled => "someone else cancelled the statement in the database",
        Reason::CatalogChanged => "the database's tables have changed and are being read again; try again",
        Reason::DeadlinePassed => "the deadline passed; allow more time or ask for less",
        _ => "the call failed",
    }
}

/// The call, or a chunk of its stream, took longer than its caller waits.
pub fn deadline_passed(call: &Call) -> Status {
    match call.deadline {
        Deadline::Given(at) => {
            let after = at.saturating_duration_since(call.started);
            let message = format!("the deadline passed after {after:?}; allow more time or ask for less");
            Failure::new(Reason::DeadlinePassed, message).status()
        }
        Deadline::Default(after) => {
            let message = format!("nothing was ready within {after:?}; set a deadline to allow more");
            Failure::new(Reason::DeadlinePassed, message).status()
        }
    }
}

/// `what` there are too many of: calls, or streams.
pub fn overloaded(what: &str, max: usize) -> Status {
    let message = format!("this server answers {max} {what} already; try again, or another instance");
    Failure::new(Reason::Overloaded, message).info(&format!("{what}_max"), max).status()
}

fn streams_loaded() -> Status {
    let message =
        "this server keeps as much for slow callers of streams as it may; try again, or another instance";
    Failure::new(Reason::Overloaded, message).status()
}

/// Read when its caller reads on.
fn stalled(stall_max: Duration) -> Status {
    let message = format!(
        "nothing of the stream was taken for {stall_max:?}; go on from its last resume_token, where it has one"
    );
    Failure::new(Reason::DeadlinePassed, message).status()
}

pub fn unreadable(why: &Unreadable) -> Status {
    match why {
        Unreadable::NoMessage => Status::unimplemented("the call has no request message; send one"),
        Unreadable::SeveralMessages => {
            Status::unimplemented("the call has several request messages; send one")
        }
        Unreadable::TooLarge { bytes_max } => {
            let description = format!("is larger than {bytes_max} bytes");
            Failure::new(Reason::FieldInvalid, format!("the request {description}; send less"))
                .info("bytes_max", bytes_max)
                .fields([("", description.as_str(), Reason::FieldInvalid)])
                .status()
        }
        Unreadable::Encoding(name) => bare(
            Code::Unimplemented,
            format!("requests compressed with {name:?} cannot be read; use identity, gzip or zstd"),
        ),
        Unreadable::Slow { request_max } => {
            let message = format!("the request did not arrive within {request_max:?}; send it at once");
            Failure::new(Reason::DeadlinePassed, message).status()
        }
        Unreadable::Malformed => {
            Failure::new(Reason::FieldInvalid, "the request is not made of gRPC messages").status()
        }
    }
}

/// No method has this path. `nearest` has one like it.
pub fn unknown_method(path: &str, nearest: &[&str]) -> Status {
    let name = path.trim_start_matches('/');
    let text = match nearest {
        [] => format!("there is no method {name}; reflection lists those there are"),
        _ => {
            let nearest = nearest.iter().map(|path| path.trim_start_matches('/')).collect::<Vec<_>>();
            format!("there is no method {name}; did you mean {}?", nearest.join(" or "))
        }
    };
    bare(Code::Unimplemented, text)
}

pub fn unknown_service(name: &str) -> Status {
    bare(Code::NotFound, format!("there is no service {name:?} to ask the health of"))
}

/// What is on no list. Its cause is in the line of the log that has the trace id which the caller gets.
fn internal(trace: &Trace) -> Status {
    Failure::new(Reason::Internal, format!("internal error; its cause is in the log under trace id {trace}"))
        .info("trace_id", trace)
        .status()
}

/// What the operator is told of a failure that callers are told little of. Without a row's name, which is its key.
pub fn cause(error: &Error) -> Option<String> {
    let hidden = match error {
        Error::Wire(wire::Error::Malformed { .. }) => true,
        Error::Postgres(failure) => matches!(failure.reason(), Reason::Internal | Reason::ResourceUnfit),
        _ => false,
    };
    hidden.then(|| chain(error))
}

fn chain(error: &Error) -> String {
    if let Error::Wire(wire::Error::Malformed { field, .. }) = error {
        return format!(
            "encoding: {field}: the column's bytes are not of the type it had when the plan was made"
        );
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
