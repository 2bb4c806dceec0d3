//! The Collector and Prometheus as processes of a test's own, with the files in deploy/ and other addresses.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::super::ours;
use crate::support::free_port;

const START_MAX: Duration = Duration::from_secs(60);
const SEEN_MAX: Duration = Duration::from_secs(90);

pub struct Collector {
    process: Option<Child>,
    folder: TempDir,
    otlp: u16,
    pub metrics: u16,
    pub own: u16,
}

pub struct Prometheus {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Collector {
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let (otlp, metrics, own) = (free_port(), free_port(), free_port());
        let mut collector = Collector { process: None, folder, otlp, metrics, own };
        collector.go_on();
        collector
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.otlp)
    }

    /// Ends it with no time for anything.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts it again at the same addresses.
    pub fn go_on(&mut self) {
        let log = File::options().append(true).create(true).open(self.log_path()).expect("a log");
        let program = ours(".tools/bin/otelcol");
        assert!(program.exists(), "{} is missing: run `make test-stack`, which builds it", program.display());
        let process = Command::new(program)
            .arg("--config")
            .arg(ours("deploy/collector/config.yaml"))
            .arg("--config")
            .arg(ours("deploy/collector/traces.yaml"))
            .env("COLLECTOR_OTLP", format!("127.0.0.1:{}", self.otlp))
            .env("COLLECTOR_METRICS", format!("127.0.0.1:{}", self.metrics))
            .env("COLLECTOR_SELF_HOST", "127.0.0.1")
            .env("COLLECTOR_SELF_PORT", self.own.to_string())
            .env("COLLECTOR_TRACES", self.traces_path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("the Collector starts");
        self.process = Some(process);
        until("the Collector is ready", START_MAX, || {
            std::net::TcpStream::connect(("127.0.0.1", self.otlp)).is_ok()
        });
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn traces_path(&self) -> PathBuf {
        self.folder.path().join("traces.json")
    }

    /// All that it was sent, as far as it keeps it, and what it wrote of the rest.
    pub fn kept(&self) -> String {
        let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
        [read(self.traces_path()), read(self.log_path()), self.metrics_page()].join("\n")
    }

    pub fn metrics_page(&self) -> String {
        get(self.metrics, "/metrics").unwrap_or_default()
    }

    /// The spans of a trace, once there are so many.
    pub fn trace(&self, id: &str, least: usize) -> Vec<Span> {
        let mut spans = Vec::new();
        until(&format!("trace {id} has {least} spans"), SEEN_MAX, || {
            spans = self.spans().into_iter().filter(|span| span.trace == id).collect();
            spans.len() >= least
        });
        spans
    }

    /// Every span so far.
    pub fn spans(&self) -> Vec<Span> {
        let text = fs::read_to_string(self.traces_path()).unwrap_or_default();
        // The last line may still be being written.
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.flat_map(|batch| spans(&batch)).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A span as the file exporter writes it.
#[derive(Debug, Clone)]
pub struct Span {
    pub name: String,
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub kind: u64,
    pub nanoseconds: u64,
    pub attributes: BTreeMap<String, String>,
    /// The traces and spans it leads to.
    pub links: Vec<(String, String)>,
}

fn spans(batch: &Value) -> Vec<Span> {
    let items = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let scopes = items(batch, "resourceSpans").into_iter().flat_map(|of| items(&of, "scopeSpans"));
    scopes.flat_map(|scope| items(&scope, "spans")).map(|span| span_of(&span)).collect()
}

fn span_of(span: &Value) -> Span {
    let text = |name: &str| span[name].as_str().unwrap_or_default().to_owned();
    let nanoseconds = |name| text(name).parse::<u64>().unwrap_or_default();
    let attribute = |pair: &Value| {
        let value = pair["value"].as_object().and_then(|value| value.values().next()).cloned();
        let value = value.map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
        (pair["key"].as_str().unwrap_or_default().to_owned(), value.unwrap_or_default())
    };
    let links = span["links"].as_array().into_iter().flatten();
    let id = |link: &Value, name: &str| link[name].as_str().unwrap_or_default().to_owned();
    Span {
        name: text("name"),
        trace: text("traceId"),
        id: text("spanId"),
        parent: text("parentSpanId"),
        kind: span["kind"].as_u64().unwrap_or_default(),
        nanoseconds: nanoseconds("endTimeUnixNano") - nanoseconds("startTimeUnixNano"),
        attributes: span["attributes"].as_array().into_iter().flatten().map(attribute).collect(),
        links: links.map(|link| (id(link, "traceId"), id(link, "spanId"))).collect(),
    }
}

impl Prometheus {
    /// Scrapes that Collector.
    pub fn start(collector: &Collector) -> Self {
        let folder = TempDir::new().expect("a folder");
        let port = free_port();
        let rules = folder.path().join("rules");
        std::os::unix::fs::symlink(ours("deploy/prometheus/rules"), &rules).expect("a link");
        let config = fs::read_to_string(ours("deploy/prometheus/prometheus.yml")).expect("its file");
        let addressed = [
            ("collector:8889", collector.metrics),
            ("collector:8888", collector.own),
            ("localhost:9090", port),
        ]
        .iter()
        .fold(config, |config, (name, port)| {
            assert!(config.contains(name), "{name} is not in prometheus.yml");
            config.replace(name, &format!("127.0.0.1:{port}"))
        });
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, addressed).expect("written");
        let log = File::create(folder.path().join("log")).expect("a log");
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("series").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("Prometheus is missing: run `make test-stack`, which installs it");
        let prometheus = Prometheus { process, port, _folder: folder };
        until("Prometheus is ready", START_MAX, || {
            get(port, "/-/ready").is_some_and(|said| said.contains("eady"))
        });
        prometheus
    }

    /// Of now: labels and value.
    pub fn ask(&self, query: &str) -> Result<Vec<Series>, String> {
        self.asked("/api/v1/query", &[("query", query)])
    }

    /// Of the last minutes, every so many seconds: labels, and the last value that is a number.
    pub fn ask_range(&self, query: &str, minutes: u64) -> Result<Vec<Series>, String> {
        let now = now();
        let (start, end) = ((now - minutes * 60).to_string(), now.to_string());
        self.asked(
            "/api/v1/query_range",
            &[("query", query), ("start", &start), ("end", &end), ("step", "10")],
        )
    }

    /// The one number that a query comes to.
    pub fn number(&self, query: &str) -> Option<f64> {
        match self.ask(query).unwrap_or_else(|error| panic!("{query}: {error}")).as_slice() {
            [] => None,
            [one] => Some(one.value),
            several => panic!("{query} has {} series", several.len()),
        }
    }

    /// Waits until a query comes to a number that will do.
    pub fn until(&self, query: &str, will_do: impl Fn(f64) -> bool) -> f64 {
        let mut last = None;
        let late = Instant::now() + SEEN_MAX;
        loop {
            last = self.number(query).or(last);
            match last {
                Some(number) if will_do(number) => return number,
                _ if Instant::now() > late => panic!("{query} came to {last:?}"),
                _ => std::thread::sleep(POLL),
            }
        }
    }

    fn asked(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Vec<Series>, String> {
        let encoded: Vec<String> =
            parameters.iter().map(|(key, value)| format!("{key}={}", escaped(value))).collect();
        let said = get(self.port, &format!("{path}?{}", encoded.join("&"))).ok_or("no answer")?;
        let answer: Value = serde_json::from_str(&said).map_err(|error| format!("{error}: {said}"))?;
        if answer["status"] != "success" {
            return Err(answer["error"].to_string());
        }
        let data = &answer["data"];
        if data["resultType"] == "scalar" {
            return Ok(vec![Series { labels: BTreeMap::new(), value: number(&data["result"][1]) }]);
        }
        Ok(data["result"].as_array().into_iter().flatten().filter_map(Series::of).collect())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[derive(Debug, Clone)]
pub struct Series {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Series {
    /// None when it has no value that is a number.
    fn of(result: &Value) -> Option<Series> {
        let label =
            |(key, value): (&String, &Value)| (key.clone(), value.as_str().unwrap_or_default().to_owned());
        let labels = result["metric"].as_object()?.iter().map(label).collect();
        let values = match &result["values"] {
            Value::Array(values) => values.clone(),
            _ => vec![result["value"].clone()],
        };
        let value = values.iter().rev().map(|pair| number(&pair[1])).find(|value| !value.is_nan())?;
        Some(Series { labels, value })
    }
}

fn number(text: &Value) -> f64 {
    text.as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The body of an HTTP answer of this machine.
fn get(port: u16, path: &str) -> Option<String> {
    use std::io::{Read as _, Write as _};
    let mut socket = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    write!(socket, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
    let mut said = String::new();
    socket.read_to_string(&mut said).ok()?;
    said.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

/// Other processes are waited for, whose state nobody sends.
const POLL: Duration = Duration::from_millis(200);

pub fn until(what: &str, most: Duration, mut done: impl FnMut() -> bool) {
    let late = Instant::now() + most;
    while !done() {
        assert!(Instant::now() < late, "it never came to be that {what}");
        std::thread::sleep(POLL);
    }
}
