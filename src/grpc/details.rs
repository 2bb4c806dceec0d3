//! What is known about a failure → the details of its status, small enough for every client.
//!
//! Clients bound the metadata they take, some at 8 KiB, and an answer over the bound is lost whole.

use std::collections::HashMap;
use std::sync::Arc;

use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};
use tonic_types::{
    BadRequest, ErrorDetail, ErrorInfo, FieldViolation, PreconditionFailure, PreconditionViolation,
    ResourceInfo, RetryInfo, StatusExt as _,
};

use super::reason;
use crate::contract::options::Reason;

/// When a refused caller may try again, in milliseconds: gRPC's retries know it.
pub const PUSHBACK: &str = "grpc-retry-pushback-ms";
const DOMAIN: &str = "rowcall.dev";
const MESSAGE_BYTES_MAX: usize = 1_024;
/// Of a value in `ErrorInfo.metadata`.
const INFO_BYTES_MAX: usize = 512;
/// Of the items of a detail that lists things, summed up.
const ITEMS_BYTES_MAX: usize = 2_048;

/// The reason of a status, beside what of it is sent.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.as_str_name())]
pub struct Told(pub Reason);

/// A failure being described.
pub struct Failure {
    code: Code,
    reason: Reason,
    message: String,
    info: HashMap<String, String>,
    details: Vec<ErrorDetail>,
    room: usize,
}

impl Failure {
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Failure {
            code: reason::code(reason),
            reason,
            message: message.into(),
            info: HashMap::new(),
            details: Vec::new(),
            room: ITEMS_BYTES_MAX,
        }
    }

    /// Another code than the reason's own.
    pub fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// An entry of `ErrorInfo.metadata`.
    pub fn info(mut self, key: &str, value: impl ToString) -> Self {
        self.info.insert(key.to_owned(), cut(value.to_string(), INFO_BYTES_MAX));
        self
    }

    /// `BadRequest`: field, description, reason.
    pub fn fields<'a>(mut self, violations: impl IntoIterator<Item = (&'a str, &'a str, Reason)>) -> Self {
        let mut fields = Vec::new();
        for (field, description, reason) in violations {
            if self.fits(field.len() + description.len() + reason.as_str_name().len()) {
                let mut violation = FieldViolation::new(field, description);
                violation.reason = reason.as_str_name().to_owned();
                fields.push(violation);
            }
        }
        if !fields.is_empty() {
            self.details.push(BadRequest::new(fields).into());
        }
        self
    }

    /// `ResourceInfo` per name.
    pub fn resources<'a>(mut self, kind: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        for name in names {
            if self.fits(kind.len() + name.len() + 64) {
                self.details.push(ResourceInfo::new(kind, name, "", "").into());
            }
        }
        self
    }

    /// `PreconditionFailure`: what is not as it must be.
    pub fn preconditions<'a>(mut self, kind: &str, subjects: impl IntoIterator<Item = &'a str>) -> Self {
        let mut violations = Vec::new();
        for subject in subjects {
            if self.fits(kind.len() + subject.len()) {
                violations.push(PreconditionViolation::new(kind, subject, ""));
            }
        }
        if !violations.is_empty() {
            self.details.push(PreconditionFailure::new(violations).into());
        }
        self
    }

    pub fn status(mut self) -> Status {
        let info = ErrorInfo::new(self.reason.as_str_name(), DOMAIN, self.info);
        self.details.insert(0, info.into());
        let mut metadata = MetadataMap::new();
        if let Some(after) = reason::retry_after(self.reason) {
            self.details.push(RetryInfo::new(Some(after)).into());
            if reason::pushes_back(self.reason) {
                metadata.insert(PUSHBACK, MetadataValue::from(after.as_millis() as u64));
            }
        }
        let message = cut(self.message, MESSAGE_BYTES_MAX);
        let mut status =
            Status::with_error_details_vec_and_metadata(self.code, message, self.details, metadata);
        status.set_source(Arc::new(Told(self.reason)));
        status
    }

    fn fits(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes);
        // Nothing small goes in behind something that did not: what is listed is a beginning.
        self.room = left.unwrap_or(0);
        left.is_some()
    }
}

/// A status without details.
pub fn bare(code: Code, message: String) -> Status {
    Status::new(code, cut(message, MESSAGE_BYTES_MAX))
}

fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|&at| text.is_char_boundary(at));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}
