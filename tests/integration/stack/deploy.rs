//! The files in deploy/ → what the programs that read them say: Prometheus, the Collector, compose-go, kustomize.
//!
//! Grafana, Tempo and a container engine are not asked: nothing here can run them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

#[test]
#[ignore = "needs Prometheus: `make test-stack` installs it"]
fn prometheus_takes_its_configuration_and_rules() {
    let checked =
        run(promtool().args(["check", "config", "prometheus.yml"]).current_dir(deploy("prometheus")));
    assert!(checked.contains("SUCCESS: 2 rule files found"), "{checked}");
    run(promtool().args(["check", "rules"]).args(files("prometheus/rules", "yml")));
}

#[test]
#[ignore = "needs Prometheus: `make test-stack` installs it"]
fn alerts_fire_when_they_should_and_not_otherwise() {
    let tested = run(promtool().args(["test", "rules"]).args(files("prometheus/tests", "yml")));
    assert_eq!(tested.matches("SUCCESS").count(), files("prometheus/tests", "yml").len(), "{tested}");
}

#[test]
#[ignore = "needs the Collector: `make test-stack` builds it"]
fn the_collector_takes_its_configuration() {
    let config = deploy("collector/config.yaml");
    run(tool("otelcol").arg("validate").arg("--config").arg(&config));
    run(tool("otelcol")
        .arg("validate")
        .arg("--config")
        .arg(&config)
        .arg("--config")
        .arg(deploy("collector/traces.yaml")));
}

#[test]
#[ignore = "needs compose-go: `make test-stack` installs it"]
fn compose_takes_its_file_and_finds_what_it_mounts() {
    let model = run(tool("compose-check").arg("compose.yaml").current_dir(deploy("")));
    let sources = model.lines().filter_map(|line| line.trim_start().strip_prefix("source: "));
    // Volumes are sources by name.
    let mounted: Vec<_> = sources.filter(|source| source.starts_with('/')).collect();
    assert!(mounted.len() >= 10, "{mounted:?}");
    for path in mounted {
        assert!(Path::new(path).exists(), "{path} is mounted, and is not there");
    }
    for line in model.lines().filter(|line| line.trim_start().starts_with("image: ")) {
        let version = line.rsplit_once(':').expect("a version").1;
        assert!(
            version.starts_with(|first: char| first.is_ascii_digit() || first == 'v'),
            "not pinned: {line}"
        );
    }
}

#[test]
#[ignore = "needs compose-go: `make test-stack` installs it"]
fn every_secret_of_the_compose_file_is_made() {
    let made = TempDir::new().expect("a folder");
    fs::copy(deploy("secrets/make"), made.path().join("make")).expect("the script");
    run(&mut Command::new(made.path().join("make")));
    let model = run(tool("compose-check").arg("compose.yaml").current_dir(deploy("")));
    let named: Vec<_> = model.lines().filter_map(|line| line.split_once("/deploy/secrets/")).collect();
    assert!(!named.is_empty());
    for (_, name) in named {
        let text =
            fs::read_to_string(made.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(text.trim().len() >= 32, "{name}");
    }
}

/// The ServiceMonitor is the operator's own kind, of which there is no schema here; it is the only one that may be passed over.
#[test]
#[ignore = "needs kustomize and kubernetes-validate: `make test-stack` installs them"]
fn kubernetes_takes_base_and_overlay() {
    for (folder, without_schema) in [("base", vec![]), ("example", vec!["ServiceMonitor"])] {
        let built = run(tool("kustomize").arg("build").arg(deploy("kubernetes").join(folder)));
        let manifests = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
        fs::write(manifests.path(), &built).expect("written");
        let validate = package(".tools/venv-stack/bin/kubernetes-validate");
        let judged = run(Command::new(validate).arg("--strict").arg(manifests.path()));
        let kinds: Vec<_> = built.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
        let passed = judged.lines().filter(|line| line.contains(" passed for resource ")).count();
        assert_eq!(passed, kinds.len() - without_schema.len(), "{kinds:?}\n{judged}");
        for kind in without_schema {
            assert!(judged.contains(&format!("find schema for kind {kind} ")), "{judged}");
        }
        assert!(kinds.contains(&"HorizontalPodAutoscaler") && kinds.contains(&"Job"), "{kinds:?}");
        let config = read(&deploy("collector/config.yaml"));
        let indented =
            config.lines().map(|line| if line.is_empty() { String::new() } else { format!("    {line}") });
        assert!(
            built.contains(&indented.collect::<Vec<_>>().join("\n")),
            "another configuration of the Collector"
        );
    }
}

#[test]
fn every_alert_has_a_runbook_and_cases_that_fire_and_that_do_not() {
    let alerts = alerts();
    assert_eq!(alerts.len(), 8, "{alerts:?}");
    for (alert, runbooks) in &alerts {
        assert_eq!(*runbooks, BTreeSet::from([format!("deploy/runbooks/{alert}.md")]));
        let runbook = read(&deploy(&format!("runbooks/{alert}.md")));
        for part in ["**Question**", "**Panel**", "## The two likeliest causes", "## What to do"] {
            assert!(runbook.contains(part), "{alert}'s runbook has no {part}");
        }
        let tests = read(&deploy(&format!("prometheus/tests/{alert}.yml")));
        let named = format!("alertname: {alert}\n");
        let cases = tests.split(&named).skip(1).map(str::trim_start);
        let (quiet, firing): (Vec<_>, Vec<_>) = cases.partition(|case| case.starts_with("exp_alerts: []"));
        assert!(!quiet.is_empty() && !firing.is_empty(), "{alert}");
    }
    assert_eq!(files("runbooks", "md").len(), alerts.len());
    assert_eq!(files("prometheus/tests", "yml").len(), alerts.len());
}

#[test]
fn rules_and_runbooks_name_metrics_that_are_exported_or_recorded() {
    let mut known = metric_names();
    let rules: Vec<_> = files("prometheus/rules", "yml").iter().map(|path| read(path)).collect();
    let lines = rules.iter().flat_map(|text| text.lines());
    known.extend(lines.filter_map(|line| line.trim().strip_prefix("- record: ")).map(str::to_owned));
    let runbooks: Vec<_> = files("runbooks", "md").iter().map(|path| read(path)).collect();
    let named: BTreeSet<_> = rules
        .iter()
        .flat_map(|text| expressions(text))
        .chain(runbooks)
        .chain([read(&deploy("kubernetes/prometheus-adapter/values.yaml"))])
        .flat_map(|text| named(&text))
        .collect();
    assert!(named.len() > 30, "{named:?}");
    let unknown: Vec<_> = named.difference(&known).collect();
    assert!(unknown.is_empty(), "neither in README's table of metrics nor recorded: {unknown:?}");
}

/// Every series that README's table of metrics promises, as Prometheus calls it.
pub fn metric_names() -> BTreeSet<String> {
    let readme = read(&package("README.md"));
    let table = readme.lines().skip_while(|line| !line.starts_with("| instrument |")).skip(2);
    let rows: Vec<_> = table.take_while(|line| line.starts_with('|')).collect();
    assert!(!rows.is_empty(), "README.md has no table that begins with | instrument |");
    let mut names = BTreeSet::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        for instrument in cells[0].split(',') {
            names.extend(series(instrument.trim().trim_matches('`'), cells[1], cells[2]));
        }
    }
    names
}

/// As the Collector's exporter translates: units become suffixes, those in braces are dropped, counters end in `_total`.
fn series(instrument: &str, kind: &str, unit: &str) -> Vec<String> {
    let mut name = instrument.replace('.', "_");
    let suffix = match unit.trim_matches('`') {
        "s" => "_seconds",
        "By" => "_bytes",
        "1" if kind == "gauge" => "_ratio",
        _ => "",
    };
    if !name.ends_with(suffix) {
        name.push_str(suffix);
    }
    match kind {
        "counter" => vec![format!("{name}_total")],
        "gauge" => vec![name],
        "histogram" => ["bucket", "sum", "count"].map(|part| format!("{name}_{part}")).into(),
        _ => panic!("{instrument} is a {kind:?}"),
    }
}

/// By which series are summed and split.
const LABELS: [&str; 5] = [
    "db_client_connection_pool_name",
    "db_client_connection_state",
    "rowcall_mode",
    "rowcall_reason",
    "rowcall_stage",
];

/// The words of a text that look like our metrics; what is in braces are labels and their values.
fn named(text: &str) -> BTreeSet<String> {
    let mut bare = String::new();
    let mut depth = 0;
    for letter in text.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ if depth == 0 => bare.push(letter),
            _ => {}
        }
    }
    let words = bare.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != ':');
    let ours = words.filter(|word| {
        let begins = ["rowcall_", "rowcall:", "grpc_server_", "db_client_", "process_"]
            .iter()
            .find(|begin| word.starts_with(**begin));
        begins.is_some_and(|begin| word.len() > begin.len()) && !LABELS.contains(word)
    });
    ours.map(str::to_owned).collect()
}

/// What stands behind each `expr:`, over several lines when it begins with `|`.
fn expressions(rules: &str) -> Vec<String> {
    let mut expressions = Vec::new();
    let mut lines = rules.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((indent, text)) = line.split_once("expr: ") else { continue };
        if text != "|" {
            expressions.push(text.to_owned());
            continue;
        }
        let mut expression = String::new();
        while let Some(next) = lines.next_if(|next| next.starts_with(&format!("{indent}  "))) {
            expression.extend([next, "\n"]);
        }
        expressions.push(expression);
    }
    expressions
}

/// Each alert and the runbooks that its rules name; annotations may be shared by an anchor.
fn alerts() -> BTreeMap<String, BTreeSet<String>> {
    let rules = read(&deploy("prometheus/rules/alerts.yml"));
    let mut alerts = BTreeMap::new();
    for rule in rules.split("- alert: ").skip(1) {
        let name = rule.lines().next().expect("a name").to_owned();
        assert!(
            rule.contains("severity: page") || rule.contains("severity: ticket"),
            "{name} has no severity"
        );
        assert!(
            rule.contains("annotations: *") || (rule.contains("summary: ") && rule.contains("description: ")),
            "{name}"
        );
        let named = rule.lines().filter_map(|line| line.trim().strip_prefix("runbook: ")).map(str::to_owned);
        alerts.entry(name).or_insert_with(BTreeSet::new).extend(named);
    }
    alerts
}

fn package(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn deploy(path: &str) -> PathBuf {
    package("deploy").join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder of deploy/ with an extension, in order.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(deploy(folder)).expect(folder).map(|entry| entry.expect(folder).path());
    let mut files: Vec<_> = entries.filter(|path| path.extension() == Some(OsStr::new(extension))).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has no .{extension}");
    files
}

fn promtool() -> Command {
    Command::new("promtool")
}

fn tool(name: &str) -> Command {
    let path = package(".tools/bin").join(name);
    assert!(path.exists(), "{} is missing: run `make test-stack`, which installs it", path.display());
    Command::new(path)
}

/// What a program that succeeds says, on both of its outputs.
fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("UTF-8")).concat();
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    said
}
