//! The collector: how it is reached, and whether it takes what it is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use opentelemetry_otlp::{
    LogExporter, MetricExporter, SpanExporter, WithExportConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use tonic::transport::ClientTlsConfig;

use super::outbox::Counts;
use super::{Error, Settings};

/// One for each signal.
pub(super) struct Exporters {
    pub spans: SpanExporter,
    pub lines: LogExporter,
    pub metrics: MetricExporter,
}

/// Whether it says how and where; what it says of nobody is found out when it is first used.
pub(super) fn addresses(endpoint: &str) -> bool {
    let uri: Option<http::Uri> = endpoint.parse().ok();
    uri.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
}

/// Must be called within a runtime; does not wait for the collector.
pub(super) fn exporters_to(settings: &Settings, endpoint: &str) -> Result<Exporters, Error> {
    let tls = || {
        let roots = ClientTlsConfig::new().with_enabled_roots();
        match &settings.authorities {
            Some(pem) => roots.ca_certificate(tonic::transport::Certificate::from_pem(pem)),
            None => roots,
        }
    };
    let secure = endpoint.starts_with("https://");
    macro_rules! built {
        ($builder:expr) => {{
            let builder = $builder.with_tonic().with_endpoint(endpoint).with_timeout(settings.export_max);
            let builder = if secure { builder.with_tls_config(tls()) } else { builder };
            builder.build().map_err(|source| Error::Exporter { endpoint: endpoint.to_owned(), source })?
        }};
    }
    Ok(Exporters {
        spans: built!(SpanExporter::builder()),
        lines: built!(LogExporter::builder()),
        metrics: built!(MetricExporter::builder()),
    })
}

/// Whether the collector takes a signal; told to the log when that changes.
pub(super) struct Health {
    signal: &'static str,
    gone: AtomicBool,
}

impl Health {
    pub fn of(signal: &'static str) -> Self {
        Health { signal, gone: AtomicBool::new(false) }
    }

    pub fn told(&self, counts: &Counts, items: usize, exported: OTelSdkResult) {
        let signal = self.signal;
        match exported {
            Ok(()) => {
                counts.exported(items);
                if self.gone.swap(false, Relaxed) {
                    tracing::info!(signal, "the collector takes telemetry again");
                }
            }
            Err(error) => {
                counts.dropped(items);
                if !self.gone.swap(true, Relaxed) {
                    tracing::warn!(
                        signal, %error,
                        "the collector does not take telemetry: it is dropped and counted until it does"
                    );
                }
            }
        }
    }
}

/// Counts what became of the exports of metrics.
pub(super) struct Counted {
    exporter: MetricExporter,
    counts: Arc<Counts>,
    health: Health,
}

impl Counted {
    pub fn new(exporter: MetricExporter, counts: Arc<Counts>) -> Self {
        Counted { exporter, counts, health: Health::of("metrics") }
    }
}

impl PushMetricExporter for Counted {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let exported = self.exporter.export(metrics).await;
        let failed = exported.is_err();
        self.health.told(&self.counts, 1, exported);
        // The SDK has no more to say of it.
        if failed { Err(OTelSdkError::InternalFailure("not exported".to_owned())) } else { Ok(()) }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}
