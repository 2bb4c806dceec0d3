//! What leaves for a collector: metrics at an interval, traces and logs as they come, by a thread of their own.
//!
//! Encoding takes a processor's time, so that it is not done where calls run; and a collector that is gone, or that hangs,
//! holds up nothing but this thread.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_otlp::{LogExporter, SpanExporter};
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _, SdkLogRecord};
use opentelemetry_sdk::metrics::{Instrument, PeriodicReader, SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::SpanExporter as _;

use super::calls::Calls;
use super::collector::{Counted, Exporters, Health, addresses, exporters_to};
use super::ended::Ended;
use super::outbox::{Counts, Outbox, Waiting, outbox};
use super::rate::Rate;
use super::resource::resource;
use super::spans::Maker;
use super::trace::Trace;
use super::{Error, Settings};

const SCOPE: &str = "rowcall";
/// Spans of one export: with the text of a statement in each, a collector takes them as one message.
const BATCH_MAX: usize = 512;
/// Series of one instrument; what would be more is told as one, `otel.metric.overflow`.
const SERIES_MAX: usize = 20_000;
/// What is left when the process ends has so long.
const FLUSH_MAX: Duration = Duration::from_secs(5);
/// The conventions that names are taken from.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.44.0";

/// A record and the scope it came from.
pub type Line = Box<(SdkLogRecord, InstrumentationScope)>;

/// The way to a collector.
pub struct Export {
    pub calls: Calls,
    pub traces: Outbox<Ended>,
    pub logs: Outbox<Line>,
    /// Whether the log is exported.
    pub lines: bool,
    pub metrics: Arc<Counts>,
    pub meter: Meter,
    sampled: Rate,
    /// Traces of calls that failed or were slow, which are not sampled or more than there is room for: where the server is to
    /// blame, and where it is not.
    ours: Rate,
    theirs: Rate,
    provider: SdkMeterProvider,
}

impl Export {
    pub fn start(settings: &Settings, endpoint: &str) -> Result<Export, Error> {
        if !addresses(endpoint) {
            return Err(Error::Endpoint { endpoint: endpoint.to_owned() });
        }
        let (traces, waiting_traces) = outbox(settings.traces_waiting_max);
        let (logs, waiting_lines) = outbox(settings.logs_waiting_max);
        let (sender, exporters) = std::sync::mpsc::channel();
        let (settings_there, endpoint) = (settings.clone(), endpoint.to_owned());
        let resource = resource();
        let resource_there = resource.clone();
        let (traced, lined) = (traces.counts().clone(), logs.counts().clone());
        std::thread::Builder::new()
            .name("telemetry".to_owned())
            .spawn(move || {
                // Where a runtime cannot be made, the sender is dropped, and that is told.
                let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                    return;
                };
                runtime.block_on(async {
                    let Exporters { mut spans, mut lines, metrics } =
                        match exporters_to(&settings_there, &endpoint) {
                            Ok(exporters) => exporters,
                            Err(error) => return drop(sender.send(Err(error))),
                        };
                    spans.set_resource(&resource_there);
                    lines.set_resource(&resource_there);
                    let _ = sender.send(Ok(metrics));
                    let traces = export_traces(waiting_traces, spans, traced);
                    tokio::join!(traces, export_lines(waiting_lines, lines, lined));
                });
            })
            .map_err(|source| Error::Thread { source })?;
        let exporter = exporters.recv().map_err(|_| Error::Ended)??;
        let counts = Arc::<Counts>::default();
        let counted = Counted::new(exporter, counts.clone());
        let reader = PeriodicReader::builder(counted).with_interval(settings.metrics_interval).build();
        let provider = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_reader(reader)
            .with_view(|_: &Instrument| Stream::builder().with_cardinality_limit(SERIES_MAX).build().ok())
            .build();
        let meter = provider.meter_with_scope(scope());
        Ok(Export {
            calls: Calls::new(&meter),
            traces,
            logs,
            lines: settings.logs,
            metrics: counts,
            meter,
            sampled: Rate::new(settings.traces_per_second),
            ours: Rate::new(settings.failures_per_second),
            theirs: Rate::new(settings.failures_per_second),
            provider,
        })
    }

    /// Whether there is room for one more trace this second: of a call that is sampled, or that failed or was slow; `ours`
    /// when the server is to blame. Those have room of their own, whatever comes besides.
    pub fn takes(&self, trace: Trace, told: bool, ours: bool) -> bool {
        let unsampled = if ours { &self.ours } else { &self.theirs };
        let takes = trace.sampled() && self.sampled.takes() || told && unsampled.takes();
        if !takes {
            self.traces.counts().dropped(1);
        }
        takes
    }

    /// Exports what there is; takes no longer than it may.
    pub async fn stop(&self) {
        let flushed = async { tokio::join!(self.traces.flush(), self.logs.flush()) };
        let _ = tokio::time::timeout(FLUSH_MAX, flushed).await;
        let provider = self.provider.clone();
        // It waits for its own thread.
        let _ = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_MAX)).await;
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(SCOPE)
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(SCHEMA)
        .build()
}

async fn export_traces(waiting: Waiting<Ended>, exporter: SpanExporter, counts: Arc<Counts>) {
    let (scope, health) = (scope(), Health::of("traces"));
    waiting
        .run(async |calls| {
            let maker = Maker::new(scope.clone());
            let mut spans = Vec::with_capacity(calls.len() * 6);
            calls.iter().for_each(|call| maker.make(call, &mut spans));
            while !spans.is_empty() {
                let batch: Vec<_> = spans.drain(..spans.len().min(BATCH_MAX)).collect();
                let count = batch.len();
                health.told(&counts, count, exporter.export(batch).await);
            }
        })
        .await;
}

async fn export_lines(waiting: Waiting<Line>, exporter: LogExporter, counts: Arc<Counts>) {
    let health = Health::of("logs");
    waiting
        .run(async |lines| {
            let batch: Vec<_> = lines.iter().map(|line| (&line.0, &line.1)).collect();
            health.told(&counts, batch.len(), exporter.export(LogBatch::new(&batch)).await);
        })
        .await;
}
