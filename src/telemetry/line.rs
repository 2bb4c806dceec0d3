//! A call that failed, or was slow → a line of the log, with the ids of its trace.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tokio::sync::mpsc;
use tonic::Code;

use super::ended::{Outcome, code_name};
use super::rate::Rate;
use super::trace::Trace;
use crate::call::Notes;
use crate::postgres::Ran;

/// Statements that wait to be explained; a further one is not.
const SLOW_WAITING_MAX: usize = 16;

/// Of which calls there is a line.
#[derive(Debug, Clone)]
pub struct Lines {
    /// A call that takes as long is slow.
    pub slow: Duration,
    /// So slow that Postgres is asked for the plan of its longest statement; None never.
    pub explain: Option<Duration>,
    /// Of what is the caller's to mend, and of the rest, each.
    pub per_second: u32,
}

impl Default for Lines {
    fn default() -> Self {
        Lines { slow: Duration::MAX, explain: None, per_second: 0 }
    }
}

pub struct Log {
    pub slow: Duration,
    explain: Option<Duration>,
    theirs: Rate,
    ours: Rate,
    slowest: mpsc::Sender<Slow>,
    taken: std::sync::Mutex<Option<mpsc::Receiver<Slow>>>,
}

/// A statement whose plan somebody will want to see.
#[derive(Debug)]
pub struct Slow {
    /// `package.Service/Method`.
    pub method: String,
    pub ran: Arc<Ran>,
    pub trace: Trace,
}

impl Log {
    pub fn new(lines: &Lines) -> Log {
        let (slowest, taken) = mpsc::channel(SLOW_WAITING_MAX);
        let Lines { slow, explain, per_second } = *lines;
        let (theirs, ours) = (Rate::new(per_second), Rate::new(per_second));
        Log { slow, explain, theirs, ours, slowest, taken: Some(taken).into() }
    }

    /// Lines that were more than there may be.
    pub fn suppressed(&self) -> u64 {
        self.theirs.refused() + self.ours.refused()
    }

    /// What waits to be explained; for who asks first.
    pub fn slowest(&self) -> Option<mpsc::Receiver<Slow>> {
        self.taken.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    /// `cause` is what is known of a failure that callers are told nothing of.
    pub fn call(
        &self,
        method: &str,
        trace: &Trace,
        outcome: Outcome,
        time: Duration,
        notes: &Notes,
        cause: Option<&str>,
    ) {
        let longest = longest(notes);
        self.explain(method, trace, longest.as_ref());
        let ours = outcome.ours() || outcome == Outcome::OK || cause.is_some();
        if !(if ours { &self.ours } else { &self.theirs }).takes() {
            return;
        }
        let stages: Vec<String> = notes
            .stages
            .iter()
            .map(|timed| format!("{}={:.3}", timed.stage.as_str(), timed.time.as_secs_f64() * 1_000.0))
            .collect();
        let stages = stages.join(" ");
        let stage = notes.stages.last().map_or("none", |timed| timed.stage.as_str());
        let (status, reason) = (code_name(outcome.code), outcome.reason_or_none());
        let (duration_ms, span_id) = (time.as_secs_f64() * 1_000.0, format!("{:016x}", trace.span));
        let statement = longest.as_ref().map_or("none", |ran| ran.about.summary.as_str());
        within(trace, || match (outcome, cause) {
            (Outcome::OK, _) => tracing::warn!(
                trace_id = %trace, span_id, method, duration_ms, stages, statement, "a call was slow"
            ),
            (_, Some(cause)) if outcome.code == Code::Internal => tracing::error!(
                trace_id = %trace, span_id, method, status, reason, stage, duration_ms, stages, statement, cause,
                "a call failed for a reason that is on no list"
            ),
            (_, Some(cause)) => tracing::warn!(
                trace_id = %trace, span_id, method, status, reason, stage, duration_ms, stages, statement, cause, "a call failed"
            ),
            _ if ours => tracing::warn!(
                trace_id = %trace, span_id, method, status, reason, stage, duration_ms, stages, statement, "a call failed"
            ),
            _ => tracing::info!(
                trace_id = %trace, span_id, method, status, reason, stage, duration_ms, "a call failed"
            ),
        });
    }

    fn explain(&self, method: &str, trace: &Trace, longest: Option<&Arc<Ran>>) {
        if let (Some(ran), Some(explain)) = (longest, self.explain)
            && ran.time >= explain
        {
            // Whoever comes when many wait has nothing new to say.
            let _ =
                self.slowest.try_send(Slow { method: method.to_owned(), ran: ran.clone(), trace: *trace });
        }
    }
}

/// Tells lines of the log, where they are exported, which trace they belong to.
pub fn within<T>(trace: &Trace, tell: impl FnOnce() -> T) -> T {
    let flags = TraceFlags::new(trace.flags);
    let (id, span) = (TraceId::from(trace.id), SpanId::from(trace.span));
    let context = SpanContext::new(id, span, flags, false, TraceState::default());
    let _attached = Context::new().with_remote_span_context(context).attach();
    tell()
}

fn longest(notes: &Notes) -> Option<Arc<Ran>> {
    notes.journal.read().0.into_iter().max_by_key(|ran| ran.time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_a_limit_and_the_rest_is_counted() {
        let log = Log::new(&Lines { slow: Duration::ZERO, explain: None, per_second: 5 });
        let trace = Trace { id: 1, span: 2, parent: None, flags: 0 };
        let notes = Notes::default();
        (0..100).for_each(|_| log.call("a/B", &trace, Outcome::LEFT, Duration::ZERO, &notes, None));
        assert!((90..=95).contains(&log.suppressed()), "{}", log.suppressed());
        // What is ours has a limit of its own.
        let (suppressed, ours) = (log.suppressed(), Outcome { code: Code::Unavailable, reason: None });
        log.call("a/B", &trace, ours, Duration::ZERO, &notes, None);
        assert_eq!(log.suppressed(), suppressed);
    }
}
