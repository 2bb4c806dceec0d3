//! A call's beginning and end → its method's instruments.
//!
//! Attributes are found once per method and status, not once per call, and calls are measured some at a time. What is no
//! method of ours is `other`, so that nobody makes a series by asking.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use opentelemetry::metrics::{BoundCounter, BoundHistogram, Counter, Histogram, Meter};
use opentelemetry::{KeyValue, StringValue};
use rustc_hash::FxHashMap;
use tonic::Code;

use super::ended::Outcome;
use super::instruments;
use crate::call::{Level, Notes, Served, Stage};
use crate::contract::options::Reason;

/// What is no method of ours.
pub const OTHER: &str = "other";
/// Codes are 0 to 16.
const CODES: usize = 17;
/// Methods that have instruments of their own: those of all contracts that were in force; further ones are `other`.
const METHODS_MAX: usize = 1_000;

/// Failures that page somebody. They are told from the beginning, as none: a counter that begins with what it counts has
/// no rate.
const FORESEEN: [(Code, Reason); 5] = [
    (Code::ResourceExhausted, Reason::Overloaded),
    (Code::ResourceExhausted, Reason::DatabaseBusy),
    (Code::Unavailable, Reason::DatabaseUnreachable),
    (Code::DeadlineExceeded, Reason::DeadlinePassed),
    (Code::Internal, Reason::Internal),
];

/// The instruments of all methods.
pub struct Calls {
    methods: ArcSwap<FxHashMap<String, Arc<Method>>>,
    other: Arc<Method>,
    instruments: Instruments,
    /// By thread.
    shards: [Shard; SHARDS],
}

/// Calls of a thread that have ended and are not measured yet. Each measurement takes a lock that all threads share, so
/// that one call by itself costs several times what it costs among many.
#[derive(Default)]
#[repr(align(128))]
struct Shard(Mutex<Vec<Measured>>);

/// What is measured of a call.
struct Measured {
    method: Arc<Method>,
    outcome: Outcome,
    time: Duration,
    traffic: Traffic,
    stages: [Option<Duration>; Stage::ALL.len()],
    served: Option<Served>,
}

/// More threads than these share.
const SHARDS: usize = 16;
/// Calls that are measured together; when metrics are exported, all are.
const TOGETHER: usize = 64;

thread_local! {
    /// Lies elsewhere in every thread.
    static HERE: u8 = const { 0 };
}

struct Instruments {
    started: Counter<u64>,
    duration: Histogram<f64>,
    sent: Histogram<f64>,
    received: Histogram<f64>,
    failures: Counter<u64>,
    stage: Histogram<f64>,
    shed: Counter<u64>,
    lookups: Counter<u64>,
    fill: Histogram<f64>,
}

/// Those of one.
pub struct Method {
    name: StringValue,
    kind: MethodKind,
    started: BoundCounter<u64>,
    ends: [OnceLock<Ends>; CODES],
    stages: [OnceLock<BoundHistogram<f64>>; Stage::ALL.len()],
    lookups: [OnceLock<BoundCounter<u64>>; 5],
    fill: OnceLock<BoundHistogram<f64>>,
}

/// By status.
struct Ends {
    duration: BoundHistogram<f64>,
    sent: BoundHistogram<f64>,
    received: BoundHistogram<f64>,
}

/// Whether calls of a method have one answer or many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MethodKind {
    Unary,
    Stream,
}

/// Bytes of messages, compressed as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    pub sent: u64,
    pub received: u64,
}

impl Calls {
    pub fn new(meter: &Meter) -> Calls {
        let instruments = Instruments {
            started: instruments::CALL_STARTED.counter(meter),
            duration: instruments::CALL_DURATION.histogram(meter),
            sent: instruments::CALL_SENT.histogram(meter),
            received: instruments::CALL_RECEIVED.histogram(meter),
            failures: instruments::CALL_FAILURES.counter(meter),
            stage: instruments::CALL_STAGE.histogram(meter),
            shed: instruments::CALL_SHED.counter(meter),
            lookups: instruments::CACHE_LOOKUPS.counter(meter),
            fill: instruments::CACHE_FILL.histogram(meter),
        };
        for reason in [Reason::Overloaded, Reason::DatabaseBusy] {
            drop(instruments.shed.bind(&[KeyValue::new("rowcall.reason", reason.as_str_name())]));
        }
        let other = Arc::new(instruments.method(OTHER, MethodKind::Unary));
        Calls { methods: ArcSwap::default(), other, instruments, shards: Default::default() }
    }

    /// By a known path, `/package.Service/Method`; None is no method of ours.
    pub fn method(&self, known: Option<(&str, MethodKind)>) -> Arc<Method> {
        let Some((path, kind)) = known else { return self.other.clone() };
        let methods = self.methods.load();
        if let Some(method) = methods.get(path) {
            return method.clone();
        }
        if methods.len() >= METHODS_MAX {
            return self.other.clone();
        }
        let method = Arc::new(self.instruments.method(path.trim_start_matches('/'), kind));
        self.methods.rcu(|methods| {
            let mut more = FxHashMap::clone(methods);
            // Another may have been quicker: both write to the same series.
            more.insert(path.to_owned(), method.clone());
            more
        });
        method
    }

    pub fn ended(
        &self,
        method: &Arc<Method>,
        outcome: Outcome,
        time: Duration,
        traffic: Traffic,
        notes: &Notes,
    ) {
        let mut stages = [None; Stage::ALL.len()];
        for timed in &notes.stages {
            stages[timed.stage as usize] = Some(timed.time);
        }
        let measured =
            Measured { method: method.clone(), outcome, time, traffic, stages, served: notes.served };
        let Shard(waiting) = &self.shards[HERE.with(shard)];
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(measured);
        if waiting.len() >= TOGETHER {
            let all = std::mem::replace(&mut *waiting, Vec::with_capacity(TOGETHER));
            drop(waiting);
            all.iter().for_each(|measured| self.instruments.measure(measured));
        }
    }

    /// Measures what has ended so far.
    pub fn flush(&self) {
        for Shard(waiting) in &self.shards {
            let all = std::mem::take(&mut *waiting.lock().unwrap_or_else(PoisonError::into_inner));
            all.iter().for_each(|measured| self.instruments.measure(measured));
        }
    }
}

/// Addresses of threads lie a fixed way apart, so that their low bits tell nothing.
fn shard(here: &u8) -> usize {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let spread = (std::ptr::from_ref(here).addr() as u64).wrapping_mul(GOLDEN);
    (spread >> 32) as usize % SHARDS
}

impl Instruments {
    fn measure(&self, measured: &Measured) {
        let Measured { method, outcome, time, traffic, stages, served } = measured;
        let seconds = time.as_secs_f64();
        let ends = method.ends[outcome.code as usize % CODES]
            .get_or_init(|| self.ends(&method.name, method.kind, outcome.code));
        ends.duration.record(seconds);
        ends.sent.record(traffic.sent as f64);
        ends.received.record(traffic.received as f64);
        for (at, time) in stages.iter().enumerate().filter_map(|(at, time)| Some((at, (*time)?))) {
            let bound = method.stages[at]
                .get_or_init(|| self.stage.bind(&[name(&method.name), stage(Stage::ALL[at])]));
            bound.record(time.as_secs_f64());
        }
        if let Some(served) = *served {
            let (at, result) = looked(served);
            let lookups = method.lookups[at].get_or_init(|| {
                self.lookups.bind(&[name(&method.name), KeyValue::new("rowcall.result", result)])
            });
            lookups.add(1);
            if matches!(served, Served::Miss { .. }) && outcome.code == Code::Ok {
                method.fill.get_or_init(|| self.fill.bind(&[name(&method.name)])).record(seconds);
            }
        }
        if outcome.code != Code::Ok {
            self.failed(method, *outcome);
        }
    }

    fn method(&self, path: &str, kind: MethodKind) -> Method {
        let text = StringValue::from(path.to_owned());
        for (code, reason) in FORESEEN {
            let told = KeyValue::new("rowcall.reason", reason.as_str_name());
            drop(self.failures.bind(&[name(&text), status(code), told]));
        }
        Method {
            started: self.started.bind(&[name(&text)]),
            name: text,
            kind,
            ends: [const { OnceLock::new() }; CODES],
            stages: [const { OnceLock::new() }; Stage::ALL.len()],
            lookups: [const { OnceLock::new() }; 5],
            fill: OnceLock::new(),
        }
    }

    fn ends(&self, method: &StringValue, kind: MethodKind, code: Code) -> Ends {
        let mut attributes = vec![name(method), status(code)];
        let (sent, received) = (self.sent.bind(&attributes), self.received.bind(&attributes));
        let kind = match kind {
            MethodKind::Unary => "unary",
            MethodKind::Stream => "stream",
        };
        attributes.push(KeyValue::new("rowcall.method.kind", kind));
        Ends { duration: self.duration.bind(&attributes), sent, received }
    }

    fn failed(&self, method: &Method, outcome: Outcome) {
        let reason = KeyValue::new("rowcall.reason", outcome.reason_or_none());
        if outcome.shed() {
            self.shed.add(1, std::slice::from_ref(&reason));
        }
        self.failures.add(1, &[name(&method.name), status(outcome.code), reason]);
    }
}

impl Method {
    pub fn begun(&self) {
        self.started.add(1);
    }
}

fn name(method: &StringValue) -> KeyValue {
    KeyValue::new("grpc.method", method.clone())
}

fn status(code: Code) -> KeyValue {
    KeyValue::new("grpc.status", super::ended::code_name(code))
}

fn stage(stage: Stage) -> KeyValue {
    KeyValue::new("rowcall.stage", stage.as_str())
}

fn looked(served: Served) -> (usize, &'static str) {
    match served {
        Served::Hit { from: Level::Process, .. } => (0, "hit"),
        Served::Hit { from: Level::Redis, .. } => (1, "redis"),
        Served::Shared => (2, "shared"),
        Served::Miss { .. } => (3, "miss"),
        Served::Bypass(_) => (4, "bypass"),
    }
}
