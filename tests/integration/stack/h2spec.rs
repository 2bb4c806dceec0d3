//! h2spec against Rowcall and against a bare tonic server: what the one passes, the other passes.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use http_body_util::Full;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::grpc::served::{serve, settings};

/// Both fail it alone: the connection ends at once, and h2spec takes a reset with bytes unread for no end.
const BOTH_FAIL: [&str; 1] = ["http2/3.5: Sends invalid connection preface"];

/// Runs at most, until no other case has failed in all of them.
const RUNS_MAX: usize = 20;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs h2spec: `make test-stack` installs it"]
async fn rowcall_passes_what_bare_tonic_passes() {
    let served = serve(settings()).await;
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let bare = incoming.local_addr().unwrap();
    let answer = tower::service_fn(|_: http::Request<tonic::body::Body>| async {
        Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from_static(b"hello"))))
    });
    let tonic = tokio::spawn(Server::builder().serve_with_incoming(answer, incoming));
    let ours = failed(served.address).await;
    let theirs = failed(bare).await;
    tonic.abort();
    let worse: Vec<_> = ours.difference(&theirs).collect();
    assert!(worse.is_empty(), "bare tonic passes, and Rowcall fails: {worse:#?}");
    assert_eq!(ours.iter().chain(&theirs).map(String::as_str).collect::<Vec<_>>(), BOTH_FAIL.repeat(2));
}

/// The cases that fail each time: some of them send a wrong frame after a request that can be answered
/// already, and race with its answer.
async fn failed(address: SocketAddr) -> BTreeSet<String> {
    let mut failed = run(address).await;
    for _ in 1..RUNS_MAX {
        if failed.iter().all(|case| BOTH_FAIL.contains(&case.as_str())) {
            break;
        }
        failed = &failed & &run(address).await;
    }
    failed
}

/// The cases that fail: section, and what was asked.
async fn run(address: SocketAddr) -> BTreeSet<String> {
    let report = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new(path());
    command.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string(), "-o", "5"]);
    command.arg("-j").arg(report.path()).stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("h2spec starts");
    let report = std::fs::read_to_string(report.path()).unwrap();
    let cases: Vec<&str> = report.split("<testcase ").skip(1).collect();
    assert!(cases.len() > 100, "{}", String::from_utf8_lossy(&output.stdout));
    cases
        .iter()
        .filter(|case| case.contains("<failure") || case.contains("<error"))
        .map(|case| name(case))
        .collect()
}

fn name(case: &str) -> String {
    let attribute = |name: &str| {
        let (_, rest) = case.split_once(&format!("{name}=\"")).unwrap_or_default();
        rest.split('"').next().unwrap_or_default()
    };
    format!("{}: {}", attribute("package"), attribute("classname"))
}

fn path() -> std::path::PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/bin/h2spec");
    assert!(ours.exists(), "{} is missing: run `make test-stack`, which installs it", ours.display());
    ours
}
