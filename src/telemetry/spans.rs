//! A call that has ended → its spans: the server's, one for each stage, one for each statement.
//!
//! They are made from what the call measured once, so that trace, histogram and `server-timing` say the same; and after
//! the call, so that a call that turned out to fail or to be slow has them too. A stage that was entered several times
//! is one span, from its first beginning, as long as all its turns together.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, StringValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tonic::Code;

use super::ended::{Ended, code_name};
use super::trace::Trace;
use crate::call::Stage;
use crate::postgres::Ran;

/// Of a statement's text.
const TEXT_BYTES_MAX: usize = 4 * 1024;
/// A caller's `tracestate` that is longer is left out, as W3C allows.
const STATE_BYTES_MAX: usize = 512;

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
        let state = call.state.as_ref().filter(|state| state.len() <= STATE_BYTES_MAX);
        let state = state.and_then(|state| state.to_str().ok()?.parse().ok());
        let state: TraceState = state.unwrap_or_default();
        let Trace { id, span, parent, .. } = call.trace;
        let of = |span: u64| {
            // Exported is sampled, whatever was decided before it was known how the call would end.
            let (trace, span) = (TraceId::from(id), SpanId::from(span));
            SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::default())
        };
        let (trace, own) = (TraceId::from(id), SpanId::from(span));
        let context = SpanContext::new(trace, own, TraceFlags::SAMPLED, false, state);
        let mut root = self.span(context, parent.unwrap_or(0), call.method.clone().into(), SpanKind::Server);
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
            KeyValue::new("db.namespace", ran.server.database.clone()),
            KeyValue::new("db.query.text", cut(&ran.text)),
            KeyValue::new("db.query.summary", ran.about.summary.clone()),
            KeyValue::new("db.collection.name", ran.about.collection.clone()),
            KeyValue::new("server.address", ran.server.address.clone()),
            KeyValue::new("server.port", i64::from(ran.server.port)),
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

/// The beginning of a long text.
fn cut(text: &Arc<str>) -> StringValue {
    if text.len() <= TEXT_BYTES_MAX {
        return text.clone().into();
    }
    let end = (0..=TEXT_BYTES_MAX).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}…", &text[..end]).into()
}

fn linked(links: Vec<Link>) -> SpanLinks {
    let mut all = SpanLinks::default();
    all.links = links;
    all
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;
    use std::time::Duration;

    use http::HeaderValue;

    use super::*;
    use crate::call::Timed;
    use crate::contract::options::Reason;
    use crate::postgres::Peer;
    use crate::sql::About;
    use crate::telemetry::Outcome;

    fn ran() -> Arc<Ran> {
        let about = Arc::new(About { summary: "SELECT t by keys".to_owned(), collection: "t".to_owned() });
        Arc::new(Ran {
            about,
            text: "SELECT a FROM t WHERE id = $1".into(),
            types: [23].into(),
            server: Peer { address: "h".into(), port: 5432, database: "d".into() },
            since: Instant::now(),
            time: Duration::from_millis(3),
            outcome: Ok(2),
            span: 77,
            home: OnceLock::new(),
        })
    }

    fn ended(id: u128, outcome: Outcome, ran: &Arc<Ran>) -> Ended {
        let (since, time) = (Instant::now(), Duration::from_millis(5));
        Ended {
            method: "a.B/C".to_owned(),
            trace: Trace { id, span: id as u64 + 1, parent: Some(9), flags: 0 },
            state: Some(HeaderValue::from_static("vendor=1")),
            started: since,
            ended: since + time,
            outcome,
            stages: [Stage::Bind, Stage::Execute].map(|stage| Timed { stage, since, time }).into(),
            statements: vec![ran.clone()],
            left_out: 0,
            served: None,
        }
    }

    fn made(calls: &[Ended]) -> Vec<SpanData> {
        let maker = Maker::new(InstrumentationScope::builder("rowcall").build());
        let mut spans = Vec::new();
        calls.iter().for_each(|call| maker.make(call, &mut spans));
        spans
    }

    #[test]
    fn a_calls_spans_are_a_tree_under_its_callers() {
        let spans = made(&[ended(1, Outcome::OK, &ran())]);
        let names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
        assert_eq!(names, ["a.B/C", "bind", "execute", "SELECT t by keys"]);
        let [root, bind, execute, statement] = &spans[..] else { panic!("four") };
        let id = |span: &SpanData| span.span_context.span_id();
        assert_eq!((root.parent_span_id, root.parent_span_is_remote), (SpanId::from(9), true));
        assert_eq!([bind.parent_span_id, execute.parent_span_id], [id(root); 2]);
        assert_eq!(statement.parent_span_id, id(execute));
        assert_eq!(root.span_context.trace_state().header(), "vendor=1");
        assert!(spans.iter().all(|span| span.span_context.trace_id() == TraceId::from(1)));
        assert_eq!(
            statement.end_time.duration_since(statement.start_time).unwrap(),
            Duration::from_millis(3)
        );
    }

    #[test]
    fn who_shared_a_statement_links_to_its_one_span() {
        let shared = ran();
        // Two in one trace, and one in another.
        let spans = made(&[1, 1, 2].map(|id| ended(id, Outcome::OK, &shared)));
        let statements = spans.iter().filter(|span| span.span_kind == SpanKind::Client).count();
        assert_eq!(statements, 1);
        let links: Vec<_> = spans.iter().flat_map(|span| &span.links.links).collect();
        let to = |link: &&Link| (link.span_context.trace_id(), link.span_context.span_id());
        assert_eq!(links.iter().map(to).collect::<Vec<_>>(), [(TraceId::from(1), SpanId::from(77)); 2]);
    }

    #[test]
    fn a_statement_says_where_it_ran_in_the_words_of_the_conventions() {
        let well = Outcome { code: Code::Ok, reason: None };
        let spans = made(&[ended(1, well, &ran())]);
        let statement = spans.iter().find(|span| span.span_kind == SpanKind::Client).expect("a statement");
        for (key, value) in [("server.address", "h"), ("server.port", "5432"), ("db.namespace", "d")] {
            let said = statement.attributes.iter().find(|attribute| attribute.key.as_str() == key);
            assert_eq!(said.map(|said| said.value.to_string()).as_deref(), Some(value), "{key}");
        }
    }

    #[test]
    fn only_what_the_server_is_to_blame_for_is_an_error() {
        let outcome = |code, reason| Outcome { code, reason: Some(reason) };
        for (outcome, blamed) in [
            (outcome(Code::NotFound, Reason::RowMissing), false),
            (outcome(Code::ResourceExhausted, Reason::CallerLimit), false),
            (outcome(Code::ResourceExhausted, Reason::Overloaded), true),
            (outcome(Code::Unavailable, Reason::DatabaseUnreachable), true),
        ] {
            let root = made(&[ended(1, outcome, &ran())]).remove(0);
            assert_eq!(root.status != Status::Unset, blamed, "{outcome:?}");
            assert!(root.attributes.iter().any(|attribute| attribute.key.as_str() == "rowcall.reason"));
        }
    }
}
