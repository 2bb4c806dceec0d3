//! A call → its answer, and whether that, or its failure, is what it may be.

use std::error::Error as _;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::timeout;
use tonic::Code;

use super::terms::Terms;
use crate::support::Failure;
use crate::torture::Torture;
use crate::torture::failures::{self, Made};
use crate::torture::lines::Line;
use crate::torture::world::World;

/// An answer so long after its deadline is no answer.
pub const LATE_MAX: Duration = Duration::from_secs(3);

/// Of a request or an answer, when it is printed.
const TEXT_MAX: usize = 600;

/// A wrong answer tells of the faults that were under way not longer ago.
const TOLD: Duration = Duration::from_secs(10);

pub enum Asked {
    Answer(Value),
    /// A row that was asked for does not exist.
    Missing,
    /// The token no longer holds, as it may: nothing goes on from there.
    Expired,
    /// It failed as it may, or the caller left.
    Nothing,
}

impl Torture {
    pub async fn ask(&self, line: &Line, method: &str, request: &Value, terms: Terms) -> Asked {
        self.tally.called(method);
        let timeout_text = terms.timeout();
        let metadata: Vec<_> = timeout_text.iter().map(|text| ("grpc-timeout", text.as_str())).collect();
        let began = Instant::now();
        let call = line.client.call_with(method, request.clone(), &metadata);
        match timeout(terms.leaves.unwrap_or(terms.deadline() + LATE_MAX), call).await {
            Err(_) if terms.leaves.is_some() => self.tally.left(),
            Err(_) => self.wrong(method, request, "an answer", "none, long after the deadline"),
            Ok(Ok(answer)) => return Asked::Answer(answer.json()),
            Ok(Err(failure)) if failure.reason == "ROW_MISSING" && failure.code == Code::NotFound => {
                return Asked::Missing;
            }
            Ok(Err(failure)) => {
                self.failed(line, method, request, terms, began, &failure);
                if failure.reason == "TOKEN_INVALID" {
                    return Asked::Expired;
                }
            }
        }
        Asked::Nothing
    }

    pub fn failed(
        &self,
        line: &Line,
        method: &str,
        request: &Value,
        terms: Terms,
        began: Instant,
        failure: &Failure,
    ) {
        let made = Made { method, deadline: terms.deadline(), took: began.elapsed(), cut: line.was_cut() };
        match failures::wrong(failure, &made, &self.episodes.since(terms.since.unwrap_or(began))) {
            None => self.tally.failed(&failure.reason),
            Some(why) => {
                let Failure { code, reason, message, status, .. } = failure;
                let (took, deadline) = (made.took, made.deadline);
                let source = status.source();
                let got = format!("{code:?} {reason} {message:?} {source:?} after {took:?} of {deadline:?}");
                self.wrong(method, request, why, &got);
            }
        }
    }

    /// An answer that must pass.
    pub fn judge(
        &self,
        method: &str,
        request: &Value,
        asked: Asked,
        check: impl Fn(&World, &Value) -> Result<(), String>,
    ) {
        match asked {
            Asked::Nothing | Asked::Expired => {}
            Asked::Missing => self.wrong(method, request, "rows", "ROW_MISSING"),
            Asked::Answer(got) => match check(&self.world, &got) {
                Ok(()) => self.tally.right(),
                Err(why) => self.wrong(method, request, why, &got.to_string()),
            },
        }
    }

    /// An answer that must be this; None stands for a row that does not exist.
    pub fn compare(&self, method: &str, request: &Value, asked: Asked, expected: impl Into<Option<Value>>) {
        match (asked, expected.into()) {
            (Asked::Nothing | Asked::Expired, _) => {}
            (Asked::Missing, None) => self.tally.right(),
            (Asked::Answer(got), Some(expected)) if got == expected => self.tally.right(),
            (Asked::Missing, Some(expected)) => self.wrong(method, request, expected, "ROW_MISSING"),
            (Asked::Answer(got), expected) => {
                let expected = expected.map_or("ROW_MISSING".to_owned(), |expected| expected.to_string());
                self.wrong(method, request, expected, &got.to_string());
            }
        }
    }

    pub fn wrong(&self, method: &str, request: &Value, expected: impl ToString, got: &str) {
        let then = Instant::now() - TOLD;
        let faults: Vec<String> = self.episodes.since(then).iter().map(ToString::to_string).collect();
        let (expected, got) = (abridged(&expected.to_string()), abridged(got));
        let (request, faults) = (abridged(&request.to_string()), faults.join(", "));
        self.tally.wrong(format!(
            "{method} {request}\n  expected: {expected}\n  got:      {got}\n  faults:   {faults}"
        ));
    }
}

/// What a reader of the log needs of it.
fn abridged(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{} … ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
