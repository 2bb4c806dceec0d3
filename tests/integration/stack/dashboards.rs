//! Grafana's dashboards: what their files say, without a Grafana.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::exported;

const UIDS: [&str; 4] = ["rowcall-cache", "rowcall-database", "rowcall-overview", "rowcall-runtime"];

/// Each of them marks these changes.
const ANNOTATIONS: [&str; 5] = ["Catalogs", "Contracts", "Reloads", "Restarts", "Versions"];

/// What Prometheus has without Rowcall.
const PROMETHEUS_OWN: [&str; 1] = ["ALERTS"];

const VARIABLES: [&str; 3] = ["datasource", "service", "instance"];

#[test]
#[ignore = "needs npm, which fetches Grafana's types: `make test-stack` installs it"]
fn dashboards_are_of_grafanas_published_types_and_a_wrong_word_is_not() {
    let output = check(&[]);
    assert!(output.status.success(), "{}", said(&output));

    let folder = tempfile::tempdir().expect("a folder");
    let right = fs::read_to_string(grafana().join("dashboards/overview.json")).expect("a dashboard");
    let changes = [
        ("\"mode\": \"dashed\"", "\"mode\": \"dotted\""),
        ("\"graphMode\"", "\"grafMode\""),
        ("\"unit\": \"s\"", "\"unit\": 1"),
    ];
    for (before, after) in changes {
        assert!(right.contains(before), "{before} is not in overview.json");
        let wrong = folder.path().join("wrong.json");
        fs::write(&wrong, right.replace(before, after)).expect("written");
        let output = check(&[&wrong]);
        assert!(!output.status.success() && said(&output).contains("error TS"), "{after}: {}", said(&output));
    }
}

#[test]
#[ignore = "belongs to the stack: `make test-stack` runs it"]
fn dashboards_are_what_build_py_writes() {
    let output =
        Command::new("python3").arg(grafana().join("build.py")).arg("--check").output().expect("python3");
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
#[ignore = "belongs to the stack: `make test-stack` runs it"]
fn every_panel_has_a_title_a_unit_and_says_what_to_do() {
    let mut problems = Vec::new();
    for dashboard in dashboards() {
        for panel in panels(&dashboard) {
            let place = format!("{} / {}", text(&dashboard["uid"]), text(&panel["title"]));
            let defaults = &panel["fieldConfig"]["defaults"];
            if text(&panel["title"]).is_empty() {
                problems.push(format!("{place}: no title"));
            }
            if text(&panel["description"]).len() < 80 {
                problems.push(format!("{place}: a description that says little"));
            }
            if text(&defaults["unit"]).is_empty() {
                problems.push(format!("{place}: no unit"));
            }
            if !text(&defaults["noValue"]).ends_with("no data") {
                problems.push(format!("{place}: without data, it does not say so"));
            }
            if defaults["thresholds"]["steps"].as_array().is_none_or(Vec::is_empty) {
                problems.push(format!("{place}: no thresholds, so red from 80 on"));
            }
            // What stands for this moment must not be an older value.
            if panel["type"] == "stat"
                && queries(&panel["targets"]).iter().any(|query| query["range"] != false)
            {
                problems.push(format!("{place}: would show a value from before a collector's death"));
            }
            let grid = &panel["gridPos"];
            if number(&grid["x"]) + number(&grid["w"]) > 24 {
                problems.push(format!("{place}: wider than the page"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
#[ignore = "belongs to the stack: `make test-stack` runs it"]
fn every_dashboard_has_variables_annotations_and_links_to_the_others() {
    let all = dashboards();
    let uids: BTreeSet<&str> = all.iter().map(|dashboard| text(&dashboard["uid"])).collect();
    assert_eq!(uids, BTreeSet::from(UIDS));
    for dashboard in &all {
        let uid = text(&dashboard["uid"]);
        let links: BTreeSet<&str> = list(&dashboard["links"])
            .iter()
            .filter_map(|link| text(&link["url"]).strip_prefix("/d/"))
            .collect();
        let others: BTreeSet<&str> = UIDS.into_iter().filter(|other| *other != uid).collect();
        assert_eq!(links, others, "{uid}: links");

        let annotations: BTreeSet<&str> =
            list(&dashboard["annotations"]["list"]).iter().map(|one| text(&one["name"])).collect();
        assert_eq!(annotations, BTreeSet::from(ANNOTATIONS), "{uid}: annotations");

        let variables = list(&dashboard["templating"]["list"]);
        let names: Vec<&str> = variables.iter().map(|variable| text(&variable["name"])).collect();
        for name in VARIABLES {
            assert!(names.contains(&name), "{uid}: no variable {name}");
        }
        let exprs: String = expressions(dashboard).join("\n");
        for variable in variables {
            let name = text(&variable["name"]);
            let used = exprs.contains(&format!("${name}")) || name == "datasource";
            assert!(used, "{uid}: no query has ${name}");
            if !["datasource", "service"].contains(&name) {
                assert!(
                    variable["multi"] == true && variable["includeAll"] == true,
                    "{uid}: one {name} only"
                );
            }
        }
    }
    let with = |name: &str| -> BTreeSet<&str> {
        let has = |dashboard: &&Value| {
            list(&dashboard["templating"]["list"]).iter().any(|variable| text(&variable["name"]) == name)
        };
        all.iter().filter(has).map(|dashboard| text(&dashboard["uid"])).collect()
    };
    assert_eq!(with("method"), BTreeSet::from(["rowcall-cache", "rowcall-database", "rowcall-overview"]));
    assert_eq!(with("table"), BTreeSet::from(["rowcall-database"]));
}

#[test]
#[ignore = "belongs to the stack: `make test-stack` runs it"]
fn latency_by_method_leads_to_the_traces_of_that_method_and_time() {
    for uid in ["rowcall-overview", "rowcall-database", "rowcall-cache"] {
        let all = dashboards();
        let dashboard = all.iter().find(|dashboard| text(&dashboard["uid"]) == uid).expect(uid);
        for panel in panels(dashboard) {
            let exprs: Vec<&str> =
                queries(&panel["targets"]).iter().map(|query| text(&query["expr"])).collect();
            // By method, and of the time that calls take.
            let by_method = exprs
                .iter()
                .any(|expr| expr.contains("histogram_quantile") && expr.contains("by (le, grpc_method)"));
            if !by_method {
                continue;
            }
            let links = list(&panel["fieldConfig"]["defaults"]["links"]);
            let leads = links.iter().map(|link| text(&link["url"])).any(|url| {
                url.starts_with("/explore?")
                    && ["${__field.labels.grpc_method}", "${__from}", "${__to}"]
                        .iter()
                        .all(|part| url.contains(part))
            });
            assert!(leads, "{uid} / {}: no link to traces", text(&panel["title"]));
        }
    }
}

#[test]
#[ignore = "belongs to the stack: `make test-stack` runs it"]
fn every_metric_in_a_query_is_one_that_is_exported() {
    let known = exported::names();
    let mut unknown = BTreeSet::new();
    for dashboard in dashboards() {
        for expr in expressions(&dashboard) {
            for metric in metrics(&expr) {
                if !known.contains(metric) && !PROMETHEUS_OWN.contains(&metric) {
                    unknown.insert(format!("{}: {metric} in {expr}", text(&dashboard["uid"])));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// The words before a selector, which is all that names a metric in these queries.
fn metrics(expr: &str) -> Vec<&str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let before = expr.split('{').map(|part| &part[part.rfind(|c| !word(c)).map_or(0, |at| at + 1)..]);
    // What stands behind the last brace is no metric's name, and `${name}` is a variable.
    let count = expr.matches('{').count();
    before.take(count).filter(|name| !name.is_empty()).collect()
}

/// All the queries' text: of panels, annotations and variables.
fn expressions(dashboard: &Value) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for panel in panels(dashboard) {
        found.extend(queries(&panel["targets"]).iter().map(|query| text(&query["expr"]).to_owned()));
    }
    for annotation in list(&dashboard["annotations"]["list"]) {
        found.push(text(&annotation["target"]["expr"]).to_owned());
    }
    for variable in list(&dashboard["templating"]["list"]) {
        let query = text(&variable["query"]["query"]);
        // `label_values(metric, label)` may have a metric without a selector.
        match query.strip_prefix("label_values(") {
            Some(inner) if !inner.contains('{') => found.push(inner.replacen(',', "{},", 1)),
            _ => found.push(query.to_owned()),
        }
    }
    found.retain(|expr| !expr.is_empty());
    found
}

/// A dashboard's panels but for rows, which are titles alone.
fn panels(dashboard: &Value) -> Vec<&Value> {
    list(&dashboard["panels"]).iter().filter(|panel| panel["type"] != "row").collect()
}

fn queries(targets: &Value) -> &[Value] {
    let queries = list(targets);
    assert!(!queries.is_empty(), "a panel without queries");
    queries
}

fn dashboards() -> Vec<Value> {
    let folder = fs::read_dir(grafana().join("dashboards")).expect("grafana/dashboards");
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("a dashboard");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.iter().map(read).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn check(files: &[&Path]) -> Output {
    Command::new(grafana().join("check/run")).args(files).output().expect("grafana/check/run")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn grafana() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana")
}
