//! A call that has ended → its spans: the server's, one for each stage, one for each statement.
//!
//! They are made from what the call measured once, so that trace, histogram and `server-timing` say the same; and after
//! the call, so that a call that turned out to fail or to be slow has them too. A stage that was entered several times
//! is one span, from its first beginning, as long as all its turns together.

use std::time::{Instant, SystemTime};

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tonic::Code;

use super::ended::{Ended, code_name};
use super::trace::Trace;
use crate::call::Stage;
use crate::postgres::Ran;

/// Makes spans; the clocks are compared once for each batch.
pub struct Maker {
    scope: InstrumentationScope,
    now: (SystemTime, Instant),
}

impl Maker {
    pub fn new(scope: InstrumentationScope) -> Self {
        Maker { scope, now: (SystemTime::now(), Instant::now()) }
    }

    /// Appends the spans of a call.
    pub fn make(&self, call: &Ended, spans: &mut Vec<SpanData>) {
        let state = call.state.as_ref().and_then(|state| state.to_str().ok()?.parse().ok());
        let state: TraceState = state.unwrap_or_default();
        let Trace { id, span, parent, .. } = call.trace;
        let of = |span: u64| {
            // Exported is sampled, whatever was decided before it was known how the call would end.
            let (trace, span) = (TraceId::from(id), SpanId::from(span));
            SpanContext::new(trace, span, TraceFlags::SAMPLED, false, state.clone())
        };
        let mut root = self.span(of(span), parent.unwrap_or(0), call.method.clone().into(), SpanKind::Server);
        root.parent_span_is_remote = parent.is_some();
        (root.start_time, root.end_time) = (self.wall(call.started), self.wall(call.ended));
        root.attributes.extend([
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", call.method.clone()),
            KeyValue::new("rpc.response.status_code", code_name(call.outcome.code)),
        ]);
        root.attributes.extend(call.served.map(|served| KeyValue::new("rowcall.cache", served.as_str())));
        if call.left_out > 0 {
            root.attributes.push(KeyValue::new("rowcall.statements.left_out", call.left_out as i64));
        }
        if call.outcome.code != Code::Ok {
            let reason = call.outcome.reason_or_none();
            root.attributes.push(KeyValue::new("rowcall.reason", reason));
            if call.outcome.ours() {
                root.attributes.push(KeyValue::new("error.type", code_name(call.outcome.code)));
                root.status = Status::error(reason);
            }
        }
        let at = spans.len();
        spans.push(root);
        let mut under = span;
        let mut links = Vec::new();
        let mut statements = Vec::new();
        let executes = call.stages.iter().any(|timed| timed.stage == Stage::Execute);
        for ran in &call.statements {
            // A joined statement is told in the first trace that shows it, and the others lead there.
            match ran.home.set(id) {
                Ok(()) => statements.push(ran),
                Err(_) => links.push(self.link(ran.home.get().copied().unwrap_or(id), ran)),
            }
        }
        for timed in &call.stages {
            let stage = rand::random::<u64>().max(1);
            let name = timed.stage.as_str();
            let mut made = self.span(of(stage), span, name.into(), SpanKind::Internal);
            (made.start_time, made.end_time) = (self.wall(timed.since), self.wall(timed.since + timed.time));
            if timed.stage == Stage::Execute {
                under = stage;
                made.links = linked(std::mem::take(&mut links));
            }
            spans.push(made);
        }
        if !executes {
            spans[at].links = linked(links);
        }
        spans.extend(statements.into_iter().map(|ran| self.statement(ran, of(ran.span), under)));
    }

    fn statement(&self, ran: &Ran, context: SpanContext, under: u64) -> SpanData {
        let mut made = self.span(context, under, ran.about.summary.clone().into(), SpanKind::Client);
        (made.start_time, made.end_time) = (self.wall(ran.since), self.wall(ran.since + ran.time));
        made.attributes.extend([
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("db.query.text", ran.text.clone()),
            KeyValue::new("db.query.summary", ran.about.summary.clone()),
            KeyValue::new("db.collection.name", ran.about.collection.clone()),
            KeyValue::new("server.address", ran.server.clone()),
        ]);
        match &ran.outcome {
            Ok(rows) => made.attributes.push(KeyValue::new("db.response.returned_rows", *rows as i64)),
            Err(kind) => {
                made.attributes.push(KeyValue::new("error.type", kind.clone()));
                made.status = Status::error(kind.clone());
            }
        }
        made
    }

    fn link(&self, home: u128, ran: &Ran) -> Link {
        let (trace, span) = (TraceId::from(home), SpanId::from(ran.span));
        let context = SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::default());
        Link::new(context, vec![KeyValue::new("db.query.summary", ran.about.summary.clone())], 0)
    }

    fn span(
        &self,
        span_context: SpanContext,
        parent: u64,
        name: std::borrow::Cow<'static, str>,
        span_kind: SpanKind,
    ) -> SpanData {
        SpanData {
            span_context,
            parent_span_id: SpanId::from(parent),
            parent_span_is_remote: false,
            span_kind,
            name,
            start_time: self.now.0,
            end_time: self.now.0,
            attributes: Vec::with_capacity(8),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.scope.clone(),
        }
    }

    fn wall(&self, at: Instant) -> SystemTime {
        let (wall, now) = self.now;
        match now.checked_duration_since(at) {
            Some(ago) => wall.checked_sub(ago),
            None => wall.checked_add(at.saturating_duration_since(now)),
        }
        .unwrap_or(wall)
    }
}

fn linked(links: Vec<Link>) -> SpanLinks {
    let mut all = SpanLinks::default();
    all.links = links;
    all
}
