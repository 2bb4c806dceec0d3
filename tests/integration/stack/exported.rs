//! The instruments → what their series are called in Prometheus.

use std::collections::BTreeSet;

use rowcall::telemetry::Instrument;
use rowcall::telemetry::instruments::{ALL, Kind};

/// As the Collector's exporter translates: units become suffixes, those in braces are dropped, counters end in `_total`.
pub fn names() -> BTreeSet<String> {
    ALL.iter().flat_map(|instrument| series(instrument)).collect()
}

fn series(instrument: &Instrument) -> Vec<String> {
    let suffix = match instrument.unit {
        "s" => "_seconds",
        "By" => "_bytes",
        _ => "",
    };
    let name = format!("{}{suffix}", instrument.name.replace('.', "_"));
    match instrument.kind {
        Kind::Counter => vec![format!("{name}_total")],
        Kind::Gauge | Kind::UpDownCounter => vec![name],
        Kind::Histogram(_) => ["bucket", "sum", "count"].map(|part| format!("{name}_{part}")).into(),
    }
}
