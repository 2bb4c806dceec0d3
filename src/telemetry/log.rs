//! Lines of the log → standard error, and to the collector when it is asked for.

use std::io::IsTerminal as _;

use opentelemetry::InstrumentationScope;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord, SdkLoggerProvider};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use super::Telemetry;
use super::export::Line;
use super::outbox::Outbox;
use crate::config::{Log, LogFormat};

/// Once per process. Fails when the filter cannot be read.
pub fn start(log: &Log, telemetry: &Telemetry) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| anyhow::anyhow!("log.filter {:?} cannot be read: {error}", log.filter))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let exported = telemetry.shared.export.as_ref().filter(|export| export.lines).map(|export| {
        let to = Outboxed { outbox: export.logs.clone() };
        let provider = SdkLoggerProvider::builder().with_log_processor(to).build();
        // What carries them to the collector says more of its own the more there are.
        let ours = filter_fn(|of| of.target().starts_with("rowcall"));
        OpenTelemetryTracingBridge::new(&provider).with_filter(ours)
    });
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .with(exported)
        .try_init()
        .map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}

#[derive(Debug)]
struct Outboxed {
    outbox: Outbox<Line>,
}

impl LogProcessor for Outboxed {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        self.outbox.put(Box::new((record.clone(), scope.clone())));
    }

    /// `Telemetry::stop` does.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}
