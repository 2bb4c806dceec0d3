//! Every instrument there is: name, kind, unit, attributes and what it says.
//!
//! gRFC A66 names the server's, OpenTelemetry's semantic conventions those of the database's client, its pool and the
//! process; `rowcall.` stands before what no convention has. README's table is made from this one.

use opentelemetry::metrics::{Counter, Histogram, Meter};

/// What is measured.
#[derive(Debug)]
pub struct Instrument {
    pub name: &'static str,
    pub kind: Kind,
    /// As UCUM has it; empty for a flag.
    pub unit: &'static str,
    pub attributes: &'static [&'static str],
    pub about: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    /// What may go down, too.
    Gauge,
    /// The same where the conventions have it as a sum over instances.
    UpDownCounter,
    Histogram(&'static Buckets),
}

#[derive(Debug, PartialEq)]
pub struct Buckets(&'static [f64]);

// No bound is NaN.
impl Eq for Buckets {}

/// gRFC A66's, in seconds.
const LATENCY: Buckets = Buckets(&[
    0.0, 0.00001, 0.00005, 0.0001, 0.0003, 0.0006, 0.0008, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008,
    0.01, 0.013, 0.016, 0.02, 0.025, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.4,
    0.5, 0.65, 0.8, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0,
]);

/// gRFC A66's, in bytes.
const BYTES: Buckets = Buckets(&[
    0.0,
    1024.0,
    2048.0,
    4096.0,
    16384.0,
    65536.0,
    262144.0,
    1048576.0,
    4194304.0,
    16777216.0,
    67108864.0,
    268435456.0,
    1073741824.0,
    4294967296.0,
]);

/// The semantic conventions' for a database's client, with two below them.
const DATABASE: Buckets = Buckets(&[0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0]);

const ROWS: Buckets =
    Buckets(&[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0]);

macro_rules! instruments {
    ($($CONST:ident = $kind:expr, $name:literal $unit:literal [$($attribute:literal)*] $about:literal;)+) => {
        $(pub const $CONST: Instrument = Instrument {
            name: $name,
            kind: $kind,
            unit: $unit,
            attributes: &[$($attribute),*],
            about: $about,
        };)+

        /// In the order of README.
        pub const ALL: &[&Instrument] = &[$(&$CONST),+];
    };
}

use Kind::{Counter as C, Gauge as G, Histogram as H, UpDownCounter as U};

instruments! {
    CALL_STARTED = C, "grpc.server.call.started" "{call}" ["grpc.method"] "Calls begun.";
    CALL_DURATION = H(&LATENCY), "grpc.server.call.duration" "s" ["grpc.method" "grpc.status" "rowcall.method.kind"]
        "Time of a call; kinds are `unary` and `stream`.";
    CALL_SENT = H(&BYTES), "grpc.server.call.sent_total_compressed_message_size" "By" ["grpc.method" "grpc.status"]
        "Bytes of the messages that a call was answered with.";
    CALL_RECEIVED = H(&BYTES), "grpc.server.call.rcvd_total_compressed_message_size" "By" ["grpc.method" "grpc.status"]
        "Bytes of a call's request.";
    CALL_FAILURES = C, "rowcall.call.failures" "{call}" ["grpc.method" "grpc.status" "rowcall.reason"]
        "Calls that did not end OK; a reason of `none` where there is no ErrorInfo.";
    CALL_STAGE = H(&LATENCY), "rowcall.call.stage.duration" "s" ["grpc.method" "rowcall.stage"]
        "Time of a call in `bind`, `cache`, `acquire`, `execute`, `encode`, as `server-timing` has it.";
    CALL_ACTIVE = G, "rowcall.call.active" "{call}" [] "Calls under way.";
    CALL_LIMIT = G, "rowcall.call.limit" "{call}" [] "`listener.calls_max`.";
    CALL_SHED = C, "rowcall.call.shed" "{call}" ["rowcall.reason"]
        "Calls refused for load: `OVERLOADED`, `DATABASE_BUSY`.";
    STREAM_ACTIVE = G, "rowcall.stream.active" "{stream}" [] "Streams under way.";
    STREAM_LIMIT = G, "rowcall.stream.limit" "{stream}" [] "`stream.streams_max`.";
    CONNECTION_ACTIVE = G, "rowcall.connection.active" "{connection}" [] "Connections of callers.";
    CONNECTION_LIMIT = G, "rowcall.connection.limit" "{connection}" [] "`listener.connections_max`.";

    POOL_COUNT = U, "db.client.connection.count" "{connection}"
        ["db.client.connection.pool.name" "db.client.connection.state"]
        "Connections to the database, `used` and `idle`; pools are `primary`, `standby HOST:PORT`, `feed`, `upkeep`.";
    POOL_MAX = U, "db.client.connection.max" "{connection}" ["db.client.connection.pool.name"]
        "Connections there may be.";
    POOL_PENDING = U, "db.client.connection.pending_requests" "{request}" ["db.client.connection.pool.name"]
        "Calls that wait for a connection.";
    POOL_WAIT = H(&LATENCY), "db.client.connection.wait_time" "s" ["db.client.connection.pool.name"]
        "Time to get a connection.";
    POOL_USE = H(&LATENCY), "db.client.connection.use_time" "s" ["db.client.connection.pool.name"]
        "Time until it was given back.";
    POOL_CREATE = H(&LATENCY), "db.client.connection.create_time" "s" ["db.client.connection.pool.name"]
        "Time to make a connection.";
    POOL_TIMEOUTS = C, "db.client.connection.timeouts" "{timeout}" ["db.client.connection.pool.name"]
        "Waits that ended without a connection, those that were not begun since there was no hope included.";
    POOL_BROKEN = C, "rowcall.postgres.connections.broken" "{connection}"
        ["db.client.connection.pool.name" "rowcall.cause"]
        "Connections given up as `broken`, and attempts to `connect` that failed.";
    OPERATION = H(&DATABASE), "db.client.operation.duration" "s"
        ["db.system.name" "db.query.summary" "db.collection.name" "server.address" "server.port" "error.type"]
        "Time of a statement, its way there and back included; siblings of one round trip have its time each.";
    RETURNED_ROWS = H(&ROWS), "db.client.response.returned_rows" "{row}"
        ["db.system.name" "db.query.summary" "db.collection.name" "server.address" "server.port"]
        "Rows of a statement.";
    POSTGRES_UP = G, "rowcall.postgres.up" "" ["server.address" "server.port" "rowcall.role"]
        "1 when the `primary` or a `standby` answers, else 0.";
    POSTGRES_BACKENDS = G, "rowcall.postgres.backends" "{backend}" ["rowcall.state" "rowcall.wait_event_type"]
        "Our backends at the primary, as `pg_stat_activity` has them.";
    REPLICA_LAG = G, "rowcall.replica.lag" "s" ["server.address" "server.port"]
        "For how long the primary is known to have had what a standby has not replayed; positions are remembered for `replicas.lag_max`, so it is little more than that at most.";
    REPLICA_READY = G, "rowcall.replica.ready" "" ["server.address" "server.port"] "1 when reads may go to a standby, else 0.";

    CACHE_LOOKUPS = C, "rowcall.cache.lookups" "{lookup}" ["grpc.method" "rowcall.result"]
        "Answers by where they came from: `hit`, `redis`, `shared`, `miss`, `bypass`.";
    CACHE_SIZE = G, "rowcall.cache.size" "By" [] "Bytes of kept answers.";
    CACHE_LIMIT = G, "rowcall.cache.limit" "By" [] "`cache.bytes_max`.";
    CACHE_ENTRIES = G, "rowcall.cache.entries" "{entry}" [] "Kept answers.";
    CACHE_EVICTIONS = C, "rowcall.cache.evictions" "{entry}" [] "Answers given up for want of room.";
    CACHE_FILL = H(&LATENCY), "rowcall.cache.fill.duration" "s" ["grpc.method"]
        "Time of a call that read what was not kept.";
    CACHE_VERIFIED = C, "rowcall.cache.verified" "{entry}" [] "Kept answers that were read again and compared.";
    CACHE_MISMATCHES = C, "rowcall.cache.mismatches" "{entry}" []
        "Of those, the ones that the database does not give, with no change heard of.";
    FEED_AGE = G, "rowcall.feed.age" "s" [] "Since the last poll was asked that was heard; absent before the first.";
    FEED_POLL = G, "rowcall.feed.poll.duration" "s" [] "Time of that poll.";
    FEED_LAG_MAX = G, "rowcall.feed.lag_max" "s" [] "`cache.lag_max`.";
    FEED_TABLES = G, "rowcall.feed.tables" "{table}" ["rowcall.mode"]
        "Tables whose changes are heard of, `tracked`, and those whose are not, `untracked`.";
    FEED_CHANGES = C, "rowcall.feed.changes" "{change}" [] "Changes heard of.";
    FEED_GAPS = C, "rowcall.feed.gaps" "{gap}" [] "Times that something was not heard, so that nothing kept before is served.";
    FEED_FAILURES = C, "rowcall.feed.failures" "{poll}" [] "Polls that failed.";
    REDIS_UP = G, "rowcall.redis.up" "" [] "1 when lookups reach Redis, 0 when it is done without; absent without `redis.url`.";
    REDIS_LOOKUPS = C, "rowcall.redis.lookups" "{lookup}" ["rowcall.result"]
        "Keys asked of Redis: `hit`, `miss`, and `late`.";
    REDIS_FAILURES = C, "rowcall.redis.failures" "{trip}" [] "Round trips to Redis that failed or took too long.";

    BUILD_INFO = G, "rowcall.build.info" "" ["rowcall.version"] "1.";
    CONTRACT_INFO = G, "rowcall.contract.info" "" ["rowcall.hash"] "1; the hash of the contract in force.";
    CATALOG_INFO = G, "rowcall.catalog.info" "" ["rowcall.fingerprint"]
        "1; the fingerprint of the catalog that the plans in force were made for.";
    RELOADS = C, "rowcall.reloads" "{reload}" ["rowcall.outcome"] "Reloads that were `applied` and that `failed`.";
    RELOAD_FAILED = G, "rowcall.reload.failed" "" [] "1 while the last reload has failed and the old plans stay.";
    RESOURCES = G, "rowcall.resources" "{resource}" ["rowcall.fit"] "Resources of the contract, `fits` and `unfit`.";

    UPTIME = G, "process.uptime" "s" [] "Since the process began.";
    MEMORY = U, "process.memory.usage" "By" [] "Resident memory.";
    MEMORY_LIMIT = G, "rowcall.memory.limit" "By" [] "What the control group allows, else what the machine has.";
    CPU = C, "process.cpu.time" "s" ["cpu.mode"] "CPU time, `user` and `system`.";
    FILES = U, "process.unix.file_descriptor.count" "{file_descriptor}" [] "Open file descriptors.";
    FILES_LIMIT = G, "rowcall.file_descriptor.limit" "{file_descriptor}" [] "Those there may be.";
    RUNTIME_BUSY = C, "rowcall.runtime.busy" "s" [] "Time that the runtime's workers were busy, all together.";
    RUNTIME_WORKERS = G, "rowcall.runtime.workers" "{thread}" [] "The runtime's workers.";
    RUNTIME_QUEUE = G, "rowcall.runtime.queue.depth" "{task}" [] "Tasks that wait for any worker.";
    RUNTIME_TASKS = G, "rowcall.runtime.tasks" "{task}" [] "Tasks alive.";
    EXPORTED = C, "rowcall.telemetry.exported" "{item}" ["rowcall.signal"]
        "`traces` in spans, `logs` in records, `metrics` in exports that the collector took.";
    DROPPED = C, "rowcall.telemetry.dropped" "{item}" ["rowcall.signal"]
        "The same that it did not take, or that found no room; `traces` that found none are counted in calls.";
    LOG_SUPPRESSED = C, "rowcall.log.suppressed" "{line}" [] "Lines of calls beyond `log.calls_per_second`.";
}

impl Instrument {
    pub fn counter(&self, meter: &Meter) -> Counter<u64> {
        meter.u64_counter(self.name).with_unit(self.unit).with_description(self.about).build()
    }

    pub fn histogram(&self, meter: &Meter) -> Histogram<f64> {
        let bounds = match self.kind {
            Kind::Histogram(Buckets(bounds)) => bounds.to_vec(),
            _ => Vec::new(),
        };
        let builder = meter.f64_histogram(self.name).with_unit(self.unit).with_description(self.about);
        builder.with_boundaries(bounds).build()
    }

    /// A gauge or a counter that is read when it is exported: values with their attributes, in the order of
    /// `attributes`.
    pub fn watched(
        &self,
        meter: &Meter,
        read: impl Fn(&mut dyn FnMut(f64, &[&str])) + Send + Sync + 'static,
    ) {
        use opentelemetry::metrics::AsyncInstrument;
        let keys = self.attributes;
        let observe = move |instrument: &dyn AsyncInstrument<f64>| {
            read(&mut |value, said| {
                let attributes: Vec<_> = keys
                    .iter()
                    .zip(said)
                    .map(|(key, value)| opentelemetry::KeyValue::new(*key, (*value).to_owned()))
                    .collect();
                instrument.observe(value, &attributes);
            });
        };
        match self.kind {
            Kind::Counter => {
                let builder = meter.f64_observable_counter(self.name);
                let builder = builder.with_unit(self.unit).with_description(self.about);
                builder.with_callback(observe).build();
            }
            Kind::UpDownCounter => {
                let builder = meter.f64_observable_up_down_counter(self.name);
                let builder = builder.with_unit(self.unit).with_description(self.about);
                builder.with_callback(observe).build();
            }
            Kind::Gauge | Kind::Histogram(_) => {
                let builder = meter.f64_observable_gauge(self.name);
                let builder = builder.with_unit(self.unit).with_description(self.about);
                builder.with_callback(observe).build();
            }
        }
    }
}

impl Kind {
    /// As README has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::UpDownCounter => "up-down counter",
            Kind::Histogram(_) => "histogram",
        }
    }
}

/// README's table.
pub fn table() -> String {
    let row = |instrument: &&Instrument| {
        let attributes: Vec<String> = instrument.attributes.iter().map(|name| format!("`{name}`")).collect();
        let (name, kind, unit) = (instrument.name, instrument.kind.as_str(), instrument.unit);
        format!("| `{name}` | {kind} | {unit} | {} | {} |\n", attributes.join(", "), instrument.about)
    };
    let rows: String = ALL.iter().map(row).collect();
    format!("| instrument | kind | unit | attributes | |\n|---|---|---|---|---|\n{rows}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unlike_and_made_of_what_opentelemetry_allows() {
        let names: BTreeSet<&str> = ALL.iter().map(|instrument| instrument.name).collect();
        assert_eq!(names.len(), ALL.len());
        let allowed = |c: char| c.is_ascii_lowercase() || c == '.' || c == '_';
        assert!(names.iter().all(|name| name.chars().all(allowed)), "{names:?}");
    }

    #[test]
    fn bounds_go_up() {
        for instrument in ALL {
            if let Kind::Histogram(Buckets(bounds)) = instrument.kind {
                assert!(bounds.is_sorted(), "{}", instrument.name);
            }
        }
    }
}
