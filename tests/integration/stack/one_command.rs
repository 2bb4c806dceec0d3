//! `make stack` without make: it starts, it can be asked, and nothing is left of it.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::grpcurl::grpcurl;
use crate::support::free_port;

const PORTS: [&str; 5] = ["GRPC_PORT", "OTLP_PORT", "METRICS_PORT", "SELF_PORT", "PROMETHEUS_PORT"];

struct Stack {
    process: Child,
    /// Open as long as it may say something.
    said: Lines<BufReader<ChildStdout>>,
    ports: Vec<u16>,
    /// Where it keeps what it removes at its end.
    work: TempDir,
    logs: TempDir,
}

#[test]
#[ignore = "needs the Collector, Prometheus, h2load and grpcurl: `make test-stack` installs them"]
fn one_command_starts_everything_and_leaves_only_logs() {
    let mut stack = Stack::start();
    let rowcall = format!("127.0.0.1:{}", stack.ports[0]);
    let station =
        grpcurl(&["-d", r#"{"name": "stations/35"}"#, &rowcall, "example.v1.NetworkService/GetStation"]);
    assert_eq!(station.message()["name"], "stations/35");
    for job in ["rowcall", "collector", "prometheus"] {
        stack.until(&format!("up{{job=\"{job}\"}} == 1"));
    }
    // By the rules of deploy/, read beside the configuration.
    stack.until("rowcall:budget:availability == 0.001");
    stack.stop();
    for port in &stack.ports {
        TcpListener::bind(("127.0.0.1", *port)).expect("nobody listens any more");
    }
    let left: Vec<_> = fs::read_dir(stack.work.path()).expect("the folder").collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(stack.logs.path().join("rowcall.log").exists());
}

impl Stack {
    /// On free ports, until it says that it is there.
    fn start() -> Self {
        let ports = PORTS.map(|_| free_port()).to_vec();
        let folders = [(); 2].map(|()| TempDir::new().expect("a folder"));
        for folder in &folders {
            // The example's Postgres may be another user, who passes through.
            fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("ours");
        }
        let [work, logs] = folders;
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/stack"));
        command.envs(PORTS.iter().zip(ports.iter().map(u16::to_string)));
        command
            .env("PROGRAM", env!("CARGO_BIN_EXE_rowcall"))
            .env("TMPDIR", work.path())
            .env("LOGS", logs.path());
        command.env("LOAD_SECONDS", "300").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("scripts/stack starts");
        let mut said = BufReader::new(process.stdout.take().expect("stdout is piped")).lines();
        let ready = said.by_ref().any(|line| line.expect("UTF-8").contains("Ctrl-C stops"));
        assert!(ready, "it ended: {:?}", process.wait());
        Self { process, said, ports, work, logs }
    }

    /// Waits until a query has an answer.
    fn until(&self, query: &str) {
        let late = Instant::now() + Duration::from_secs(60);
        while self.ask(query)["data"]["result"].as_array().is_none_or(Vec::is_empty) {
            assert!(Instant::now() < late, "never: {query}; see {}", self.logs.path().display());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn ask(&self, query: &str) -> Value {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let mut socket = TcpStream::connect(("127.0.0.1", self.ports[4])).expect("Prometheus listens");
        write!(socket, "GET /api/v1/query?query={encoded} HTTP/1.0\r\n\r\n").expect("sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// As Ctrl-C does, and waits for the end.
    fn stop(&mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        assert_eq!(self.process.wait().expect("it ends").code(), Some(143));
        assert!(self.said.by_ref().any(|line| line.expect("UTF-8").contains("stopped")));
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.stop();
        }
    }
}
