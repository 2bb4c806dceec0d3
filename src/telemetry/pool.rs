//! A database pool's instruments: what `postgres` tells of connections and statements.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundCounter, BoundHistogram, Histogram, Meter};

use super::instruments;
use crate::postgres::Ran;

/// Of one pool; clones are the same. The default tells nobody.
#[derive(Clone, Default)]
pub struct Pool(Option<Arc<Instruments>>);

struct Instruments {
    wait: BoundHistogram<f64>,
    using: BoundHistogram<f64>,
    create: BoundHistogram<f64>,
    timeouts: BoundCounter<u64>,
    broken: BoundCounter<u64>,
    unconnected: BoundCounter<u64>,
    operation: Histogram<f64>,
    rows: Histogram<f64>,
}

impl Pool {
    pub(super) fn new(meter: &Meter, name: &str) -> Pool {
        let name = || KeyValue::new("db.client.connection.pool.name", name.to_owned());
        let broken = instruments::POOL_BROKEN.counter(meter);
        let by = |cause| broken.bind(&[name(), KeyValue::new("rowcall.cause", cause)]);
        Pool(Some(Arc::new(Instruments {
            wait: instruments::POOL_WAIT.histogram(meter).bind(&[name()]),
            using: instruments::POOL_USE.histogram(meter).bind(&[name()]),
            create: instruments::POOL_CREATE.histogram(meter).bind(&[name()]),
            timeouts: instruments::POOL_TIMEOUTS.counter(meter).bind(&[name()]),
            broken: by("broken"),
            unconnected: by("connect"),
            operation: instruments::OPERATION.histogram(meter),
            rows: instruments::RETURNED_ROWS.histogram(meter),
        })))
    }

    /// A caller has waited for a connection; `in_vain` when none came in time.
    pub fn waited(&self, time: Duration, in_vain: bool) {
        let Some(instruments) = &self.0 else { return };
        instruments.wait.record(time.as_secs_f64());
        if in_vain {
            instruments.timeouts.add(1);
        }
    }

    pub fn used(&self, time: Duration) {
        if let Some(instruments) = &self.0 {
            instruments.using.record(time.as_secs_f64());
        }
    }

    pub fn created(&self, time: Duration) {
        if let Some(instruments) = &self.0 {
            instruments.create.record(time.as_secs_f64());
        }
    }

    /// An attempt to connect has failed.
    pub fn unconnected(&self) {
        if let Some(instruments) = &self.0 {
            instruments.unconnected.add(1);
        }
    }

    /// A connection is not fit to be used again.
    pub fn broke(&self) {
        if let Some(instruments) = &self.0 {
            instruments.broken.add(1);
        }
    }

    pub fn ran(&self, ran: &Ran) {
        let Some(instruments) = &self.0 else { return };
        let mut attributes = Vec::with_capacity(6);
        attributes.extend([
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("db.query.summary", ran.about.summary.clone()),
            KeyValue::new("db.collection.name", ran.about.collection.clone()),
            KeyValue::new("server.address", ran.server.address.clone()),
            KeyValue::new("server.port", i64::from(ran.server.port)),
        ]);
        match &ran.outcome {
            Ok(rows) => instruments.rows.record(*rows as f64, &attributes),
            Err(kind) => attributes.push(KeyValue::new("error.type", kind.clone())),
        }
        instruments.operation.record(ran.time.as_secs_f64(), &attributes);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}
