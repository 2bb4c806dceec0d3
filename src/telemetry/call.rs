//! A call under way → what is told of it when it ends: to metrics, to its trace, and to the log.
//!
//! Dropped before it was told how it ended, its caller has left.

use std::sync::Arc;
use std::time::Instant;

use http::HeaderValue;
use tonic::Code;

use super::calls::{Method, MethodKind, OTHER, Traffic};
use super::ended::{Ended, Outcome};
use super::trace::Trace;
use super::{Shared, Telemetry};
use crate::call::Notes;
use crate::plan;

pub struct Call {
    shared: Arc<Shared>,
    /// None where nobody measures.
    method: Option<Arc<Method>>,
    /// None: there is no such method.
    asked: Option<Arc<plan::Method>>,
    kind: MethodKind,
    /// What there is to say of its answer.
    pub notes: Notes,
    started: Instant,
    trace: Trace,
    state: Option<HeaderValue>,
    traffic: Traffic,
    /// What is known of a failure that its caller is told nothing of.
    cause: Option<String>,
    told: bool,
}

impl Telemetry {
    /// A call of a method, if it is one of ours.
    pub fn call(
        &self,
        asked: Option<(&Arc<plan::Method>, MethodKind)>,
        started: Instant,
        trace: Trace,
        state: Option<HeaderValue>,
    ) -> Call {
        let shared = self.shared.clone();
        let known = asked.map(|(method, kind)| (method.path.as_str(), kind));
        let method = shared.export.as_ref().map(|export| export.calls.method(known));
        if let Some(method) = &method {
            method.begun();
        }
        let kind = asked.map_or(MethodKind::Unary, |(_, kind)| kind);
        let asked = asked.map(|(method, _)| method.clone());
        let (notes, traffic) = (Notes::default(), Traffic::default());
        Call { shared, method, asked, kind, notes, started, trace, state, traffic, cause: None, told: false }
    }
}

impl Call {
    /// Bytes of a request's message, as it came.
    pub fn received(&mut self, bytes: usize) {
        self.traffic.received += bytes as u64;
    }

    /// Why it fails, for the operator alone.
    pub fn because(&mut self, cause: Option<String>) {
        self.cause = cause.or(self.cause.take());
    }

    /// Bytes of a message of the answer, as it goes.
    pub fn sent(&mut self, bytes: usize) {
        self.traffic.sent += bytes as u64;
    }

    pub fn end(mut self, outcome: Outcome) {
        self.tell(outcome);
    }

    fn tell(&mut self, outcome: Outcome) {
        self.told = true;
        self.notes.cut();
        let ended = Instant::now();
        let time = ended.saturating_duration_since(self.started);
        if let (Some(export), Some(method)) = (&self.shared.export, &self.method) {
            export.calls.ended(method, outcome, time, self.traffic, &self.notes);
        }
        // A stream is as long as its caller reads it: what counts is what it took to make.
        let worked = match self.kind {
            MethodKind::Unary => time,
            MethodKind::Stream => self.notes.stages.iter().map(|timed| timed.time).sum(),
        };
        let told = outcome != Outcome::OK || worked >= self.shared.log.slow;
        if !told && !self.trace.sampled() {
            return;
        }
        let method = self.asked.as_ref().map_or(OTHER, |method| method.path.trim_start_matches('/'));
        if let Some(export) = &self.shared.export
            && export.takes(self.trace, told, outcome.ours() || outcome == Outcome::OK)
        {
            let (statements, left_out) = self.notes.journal.read();
            export.traces.put(Ended {
                method: method.to_owned(),
                trace: self.trace,
                state: self.state.take(),
                started: self.started,
                ended,
                outcome,
                stages: self.notes.stages.clone(),
                statements,
                left_out,
                served: self.notes.served,
            });
        }
        if let Some(sentry) = self.shared.sentry.as_ref().filter(|_| outcome.code == Code::Internal) {
            sentry.call(method, &self.trace, outcome);
        }
        if told {
            let cause = self.cause.as_deref();
            self.shared.log.call(method, &self.trace, outcome, time, &self.notes, cause);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.told {
            self.tell(if std::thread::panicking() { Outcome::PANICKED } else { Outcome::LEFT });
        }
    }
}
