//! What the process says of itself: logs on standard error, and traces, metrics and logs to an OpenTelemetry collector.
//!
//! ```text
//! call ──► Call ──ends──► instruments ─────────────────► every metrics_interval ──┐
//!                   ├───► outbox of traces ──► spans ───► as they come ───────────┼──► collector
//!                   └───► a line ──► standard error       (a thread of its own)   │
//!                                └──► outbox of lines ────────────────────────────┘
//! gauges ◄── read when they are exported ◄── the parts of the process (`app::gauges`)
//! ```
//!
//! A call hands over what it measured and goes on. Everything that waits has a limit, and what is beyond it is counted.

mod call;
mod calls;
mod collector;
mod ended;
mod export;
pub mod instruments;
mod line;
mod log;
mod outbox;
mod pool;
mod process;
mod rate;
mod resource;
mod runtime;
mod sentry;
mod spans;
mod trace;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config;
pub use call::Call;
pub use calls::MethodKind;
pub use ended::Outcome;
use export::Export;
pub use instruments::Instrument;
pub use line::{Lines, Slow, within};
pub use log::start as start_log;
pub use pool::Pool;
use sentry::Sentry;
use trace::Sampling;
pub use trace::{TRACEPARENT, TRACESTATE, Trace};

/// What is told, and how much of it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `http://` or `https://`; None tells no collector anything.
    pub endpoint: Option<String>,
    /// PEM, instead of the machine's own.
    pub authorities: Option<Vec<u8>>,
    /// Time for one export.
    pub export_max: Duration,
    pub metrics_interval: Duration,
    /// Of the traces that begin here.
    pub traces_ratio: f64,
    pub traces_per_second: u32,
    /// Further traces, of calls that failed or were slow: where the server is to blame, and where it is not, each.
    pub failures_per_second: u32,
    pub traces_waiting_max: usize,
    /// Whether the log goes there, too.
    pub logs: bool,
    pub logs_waiting_max: usize,
    pub log: Lines,
    /// Where panics and INTERNAL are told.
    pub sentry: Option<config::Secret>,
}

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("telemetry.endpoint {endpoint:?} cannot be used: write http://HOST:PORT or https://HOST:PORT")]
    Endpoint { endpoint: String },
    #[error("telemetry cannot be sent to {endpoint}")]
    Exporter { endpoint: String, source: opentelemetry_otlp::ExporterBuildError },
    #[error("cannot read {path}: it must be a PEM file with authorities")]
    Authorities { path: PathBuf, source: std::io::Error },
    #[error("cannot start a thread for telemetry")]
    Thread { source: std::io::Error },
    #[error("telemetry.sentry_dsn cannot be used: write it as Sentry shows it, https://KEY@HOST/PROJECT")]
    Sentry { source: ::sentry::types::ParseDsnError },
    #[error("the thread for telemetry ended as it began")]
    Ended,
}

/// One per server; clones are the same. The default tells nobody anything, but for the log.
#[derive(Clone)]
pub struct Telemetry {
    shared: Arc<Shared>,
}

struct Shared {
    export: Option<Export>,
    sampling: Sampling,
    log: line::Log,
    sentry: Option<Arc<Sentry>>,
}

impl Telemetry {
    pub fn start(settings: &Settings) -> Result<Telemetry, Error> {
        let export =
            settings.endpoint.as_deref().map(|endpoint| Export::start(settings, endpoint)).transpose()?;
        let sampling = match export {
            Some(_) => Sampling::new(settings.traces_ratio),
            None => Sampling::NONE,
        };
        let log = line::Log::new(&settings.log);
        let sentry =
            settings.sentry.as_ref().map(|dsn| Sentry::start(dsn.reveal()).map(Arc::new)).transpose()?;
        Ok(Telemetry { shared: Arc::new(Shared { export, sampling, log, sentry }) })
    }

    pub fn sampling(&self) -> Sampling {
        self.shared.sampling
    }

    /// Whether a collector is told anything.
    pub fn exports(&self) -> bool {
        self.shared.export.is_some()
    }

    /// The instruments of a database's pool.
    pub fn pool(&self, name: &str) -> Pool {
        self.shared.export.as_ref().map(|export| Pool::new(&export.meter, name)).unwrap_or_default()
    }

    /// Has a gauge, or a counter of somebody's own, read whenever metrics are exported.
    pub fn watch(
        &self,
        instrument: &Instrument,
        read: impl Fn(&mut dyn FnMut(f64, &[&str])) + Send + Sync + 'static,
    ) {
        if let Some(export) = &self.shared.export {
            instrument.watched(&export.meter, read);
        }
    }

    /// Watches the process, its runtime, and what becomes of all this.
    pub fn watch_itself(&self) {
        process::watch(self);
        runtime::watch(self, tokio::runtime::Handle::current());
        // They are part of what they would keep alive.
        let shared = Arc::downgrade(&self.shared);
        let counts = move |read: &dyn Fn(&Export) -> [(u64, u64); 3],
                           tell: &mut dyn FnMut(usize, (u64, u64))| {
            let Some(shared) = shared.upgrade() else { return };
            let Some(export) = &shared.export else { return };
            // What is read by a callback is read before anything else is.
            export.calls.flush();
            read(export).into_iter().enumerate().for_each(|(at, counts)| tell(at, counts));
        };
        let read = |export: &Export| {
            [export.traces.counts().read(), export.logs.counts().read(), export.metrics.read()]
        };
        const SIGNALS: [&str; 3] = ["traces", "logs", "metrics"];
        let (exported, dropped) = (counts.clone(), counts);
        self.watch(&instruments::EXPORTED, move |tell| {
            exported(&read, &mut |at, (exported, _)| tell(exported as f64, &[SIGNALS[at]]));
        });
        self.watch(&instruments::DROPPED, move |tell| {
            dropped(&read, &mut |at, (_, dropped)| tell(dropped as f64, &[SIGNALS[at]]));
        });
        let shared = Arc::downgrade(&self.shared);
        self.watch(&instruments::LOG_SUPPRESSED, move |tell| {
            if let Some(shared) = shared.upgrade() {
                tell(shared.log.suppressed() as f64, &[]);
            }
        });
    }

    /// Statements whose plan somebody will want to see; for who asks first.
    pub fn slowest(&self) -> Option<tokio::sync::mpsc::Receiver<Slow>> {
        self.shared.log.slowest()
    }

    /// Exports what there is; takes no longer than it may.
    pub async fn stop(&self) {
        if let Some(export) = &self.shared.export {
            export.stop().await;
        }
        if let Some(sentry) = self.shared.sentry.clone() {
            let _ = tokio::task::spawn_blocking(move || sentry.flush()).await;
        }
    }

    /// Has panics told, where anybody wants to know; once per process.
    pub fn catch_panics(&self) {
        if let Some(sentry) = self.shared.sentry.clone() {
            sentry::catch_panics(sentry);
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telemetry")
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        let log = line::Log::new(&Lines::default());
        Telemetry { shared: Arc::new(Shared { export: None, sampling: Sampling::NONE, log, sentry: None }) }
    }
}
