//! One command and nothing else: an example that serves what it says, starts again, and survives being killed.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use rowcall::cli::tries;
use rowcall::embedded::{self, Settings};
use rowcall::load;
use rowcall::postgres::{self, Postgres};
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::Code;

use crate::support::{Client, Served, json as as_json, rowcall};

const DATA: &str = "rowcall-data";

/// A folder that the embedded Postgres' user may pass through.
fn place() -> TempDir {
    let folder = tempfile::Builder::new().prefix("rowcall-example-").tempdir().expect("a folder");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), open).expect("it is ours");
    folder
}

async fn client(folder: &Path, served: &Served) -> Client {
    // What is served lies beside its data.
    let contract = folder.join(DATA).join("contract");
    Client::connect(contract, served.address.parse().expect("an address")).await
}

fn made(folder: &Path) -> SystemTime {
    let version = folder.join(DATA).join("postgres/PG_VERSION");
    fs::metadata(version).and_then(|found| found.modified()).expect("initdb has been there")
}

#[tokio::test]
async fn every_printed_line_is_answered_and_the_folder_survives() {
    let folder = place();
    let folder = folder.path();
    let mut served = Served::start_in(folder, &[]);
    let lines = printed(&mut served);
    let client = client(folder, &served).await;
    for line in &lines {
        attempt(&client, line).await;
    }
    a_batch_keeps_to_its_parent(&client).await;
    let first = made(folder);
    assert_eq!(served.stop().code(), Some(0));

    let served = Served::start_in(folder, &[]);
    assert_eq!(made(folder), first, "the second start made new data");
    assert!(!served.kill().success());

    // The killed one's Postgres still runs: it is stopped, and started again.
    let served = Served::start_in(folder, &[]);
    assert_eq!(made(folder), first, "the start after the kill made new data");
    let client = self::client(folder, &served).await;
    let station = client.call("GetStation", json!({"name": "stations/35"})).await.expect("an answer");
    assert_eq!(station.json()["name"], "stations/35");
    assert_eq!(served.stop().code(), Some(0));
    nothing_to_say_about_the_contract(folder).await;
}

/// The command lines of the banner, which are those that the README has.
fn printed(served: &mut Served) -> Vec<String> {
    let first = served.banner.lines().next().expect("a line");
    assert!(first.starts_with("Rowcall 0.1.0 · example contract, "), "{first}");
    assert!(first.contains(&format!("/{DATA} · ")), "{first}");
    let address = served.address.clone();
    let expected = tries::example(address.parse().expect("an address"));
    let (_, try_first) = served.banner.split_once("Try:").expect("what to try");
    let mut lines = vec![try_first.trim().to_owned()];
    while lines.len() < expected.len() {
        lines.push(served.line().expect("a line for every try").trim().to_owned());
    }
    assert_eq!(lines, expected);
    lines
}

/// A line as a shell would split it; nothing in it is escaped.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (at, part) in line.split('\'').enumerate() {
        // Every second part stands in quotes.
        let pieces: Vec<&str> = if at % 2 == 1 { vec![part] } else { part.split(' ').collect() };
        for (at, piece) in pieces.into_iter().enumerate() {
            if at > 0 {
                words.push(String::new());
            }
            words.last_mut().expect("one at least").push_str(piece);
        }
    }
    words
}

async fn attempt(client: &Client, line: &str) {
    let words = words(line);
    let value_of = |flag: &str| words.iter().position(|word| word == flag).map(|at| words[at + 1].as_str());
    let last = words.last().expect("a word");
    if last == "list" || words.contains(&"describe".to_owned()) {
        // Reflection has its own tests, and the lines are run by `make test-stack`.
        return;
    }
    let (_, method) = last.split_once('/').expect("a method");
    let request: Value = serde_json::from_str(value_of("-d").expect("a request")).expect("JSON");
    let mask = value_of("-H").and_then(|header| header.strip_prefix("rowcall-read-mask: "));
    let metadata: Vec<_> = mask.into_iter().map(|mask| ("rowcall-read-mask", mask)).collect();
    if client.method(method).is_server_streaming() {
        let mut chunks = client.stream_with(method, request, &metadata).await.expect(line);
        let mut sizes = Vec::new();
        while let Some(chunk) = chunks.next().await.expect(line) {
            let chunk = as_json(&chunk);
            let trips = chunk["trips"].as_array().expect("trips");
            assert!(
                trips
                    .iter()
                    .all(|trip| trip["name"].as_str().is_some_and(|n| n.starts_with("seasons/2026/")))
            );
            sizes.push(trips.len());
        }
        assert!(sizes.len() > 1 && sizes[..sizes.len() - 1].iter().all(|size| *size == 500), "{sizes:?}");
        return;
    }
    let answer = client.call_with(method, request, &metadata).await.expect(line).json();
    let rows = |field: &str| answer[field].as_array().map(Vec::len);
    match method {
        "ListStations" => assert_eq!(rows("stations"), Some(2), "{answer}"),
        "ListBikes" => {
            let bikes = answer["bikes"].as_array().expect("bikes");
            assert!((1..=2).contains(&bikes.len()), "{answer}");
            for bike in bikes {
                assert!(bike["charge"].as_f64().is_some_and(|charge| charge > 90.0), "{bike}");
                assert_eq!(bike["telemetry"]["firmware"], "2.2.2");
            }
        }
        "GetStation" => {
            let station = answer.as_object().expect("a station");
            assert_eq!(station.keys().collect::<Vec<_>>(), ["title", "zone_detail"], "{answer}");
        }
        "RankRiders" => assert_eq!(rows("leaders"), Some(3), "{answer}"),
        other => panic!("nothing is known of {other}: {answer}"),
    }
}

/// AIP-231: what is not below the parent is refused, each with its place.
async fn a_batch_keeps_to_its_parent(client: &Client) {
    let page =
        client.call("ListDocks", json!({"parent": "stations/35", "page_size": 2})).await.expect("docks");
    let docks = page.json()["docks"].clone();
    let names: Vec<&str> =
        docks.as_array().expect("docks").iter().filter_map(|dock| dock["name"].as_str()).collect();
    assert_eq!(names.len(), 2);
    for parent in ["stations/35", "stations/-", ""] {
        let request = json!({"parent": parent, "names": names});
        assert_eq!(client.call("BatchGetDocks", request).await.expect(parent).json()["docks"], docks);
    }
    let request = json!({"parent": "stations/36", "names": names});
    let failure = client.call("BatchGetDocks", request).await.expect_err("another station");
    assert_eq!((failure.code, failure.reason.as_str()), (Code::InvalidArgument, "NAME_INVALID"));
    let fields: Vec<&str> = failure.violations.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["names[0]", "names[1]"]);
}

/// Whoever learns from the example learns nothing that `check` would object to.
async fn nothing_to_say_about_the_contract(folder: &Path) {
    let data = folder.join(DATA);
    let embedded =
        embedded::start(Settings { folder: data.clone(), ..Settings::default() }).await.expect("it starts");
    let url = embedded.url();
    let settings = postgres::Settings { url: url.clone(), ..postgres::Settings::default() };
    let postgres = Postgres::new(settings).expect("the URL is good");
    let contract = load::contract(vec![data.join("contract")]).await.expect("the contract is good");
    let report = load::plans(contract, &postgres).await.expect("the database answers").report;
    let nothing: [String; 0] = [];
    let problems: Vec<_> = report.problems.iter().chain(&report.losses).map(ToString::to_string).collect();
    assert_eq!(problems, nothing);
    let advice: Vec<_> = report.advice.iter().map(|advice| advice.statement.clone()).collect();
    assert_eq!(advice, nothing);
    postgres.close().await;

    let mut check = rowcall();
    check.args(["check", "--strict", "--contract"]).arg(data.join("contract")).env("DATABASE_URL", url);
    let output =
        tokio::task::spawn_blocking(move || check.output()).await.expect("it ends").expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.ends_with(" resources: fits; 0 problems, 0 losses, 0 missing indexes\n"), "{said}");
    embedded.stop().await;
}
