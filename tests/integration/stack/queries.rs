//! Every query there is in the files of grafana/ and deploy/.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::ours;

/// A query, and where it stands.
pub struct Query {
    pub place: String,
    pub text: String,
}

/// Of all panels, with their variables replaced by all there is.
pub fn of_panels() -> Vec<Query> {
    let mut queries = Vec::new();
    for path in sorted("grafana/dashboards", "json") {
        let text = fs::read_to_string(&path).expect("a dashboard");
        let dashboard: Value = serde_json::from_str(&text).expect("JSON");
        let title = dashboard["title"].as_str().unwrap_or_default();
        for panel in panels(&dashboard) {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let Some(text) = target["expr"].as_str() else { continue };
                let place = format!("{title} / {}", panel["title"].as_str().unwrap_or_default());
                queries.push(Query { place, text: substituted(text) });
            }
        }
    }
    queries
}

/// Of rows too.
fn panels(of: &Value) -> Vec<Value> {
    let panels = of["panels"].as_array().into_iter().flatten();
    panels.flat_map(|panel| [vec![panel.clone()], self::panels(panel)].concat()).collect()
}

fn substituted(text: &str) -> String {
    let values = BTreeMap::from([
        ("service", "rowcall"),
        ("instance", ".*"),
        ("method", ".*"),
        ("table", ".*"),
        ("__rate_interval", "1m"),
        ("__range", "5m"),
        ("__interval_ms", "10000"),
        ("__interval", "10s"),
    ]);
    // The longer first: one begins as another does.
    let mut names: Vec<_> = values.iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    names.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("${{{name}:raw}}"), value)
            .replace(&format!("${{{name}}}"), value)
            .replace(&format!("${name}"), value)
    })
}

/// Of recording rules: each one's name and query; of alerts: the queries.
pub fn of_rules() -> (Vec<Query>, Vec<Query>) {
    let (mut recorded, mut alerts) = (Vec::new(), Vec::new());
    for path in sorted("deploy/prometheus/rules", "yml") {
        let text = fs::read_to_string(&path).expect("rules");
        let mut lines = text.lines().peekable();
        let mut name = None;
        while let Some(line) = lines.next() {
            let trimmed = line.trim();
            let named = |of: &str| trimmed.strip_prefix(of).map(str::to_owned);
            if let Some(record) = named("- record: ") {
                name = Some((record, true));
            } else if let Some(alert) = named("- alert: ") {
                name = Some((alert, false));
            } else if let (Some(query), Some((place, records))) = (named("expr: "), name.clone()) {
                let indent = line.len() - line.trim_start().len();
                let query = match query.as_str() {
                    "|" => {
                        let deeper = |line: &&str| {
                            line.trim().is_empty() || line.len() - line.trim_start().len() > indent
                        };
                        std::iter::from_fn(|| lines.next_if(|line| deeper(line)))
                            .collect::<Vec<_>>()
                            .join("\n")
                    }
                    _ => query,
                };
                (if records { &mut recorded } else { &mut alerts }).push(Query { place, text: query });
            }
        }
    }
    (recorded, alerts)
}

fn sorted(folder: &str, extension: &str) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(ours(folder)).expect(folder).map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|of| of == extension)).collect();
    files.sort();
    assert!(!files.is_empty(), "nothing in {folder}");
    files
}
