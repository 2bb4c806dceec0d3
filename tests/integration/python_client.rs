//! A client with stubs that `grpc_tools.protoc` generated, in Python: what any caller sees.

use std::path::Path;
use std::process::Command;

use crate::support::{CHINOOK, Served, database, rowcall};

const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contracts/chinook");

#[tokio::test]
async fn python_reads_streams_and_decodes_errors() {
    let database = database(CHINOOK).await;
    // Callers on this machine get no compression unless told.
    let settings = ["--set", "compression.loopback=true"];
    let served =
        Served::start(&[&["--contract", CONTRACT, "--database", &database.url], &settings[..]].concat());
    client(&served, "open");
}

#[tokio::test]
async fn python_is_cut_off_cancels_and_waits_its_turn() {
    let database = database(CHINOOK).await;
    let settings = ["--set", "postgres.connections_max=1", "--set", "postgres.connections_kept=1"];
    let waits = ["--set", "postgres.wait_max=3s"];
    let given = ["--contract", CONTRACT, "--database", &database.url];
    let served = Served::start(&[&given, &settings[..], &waits[..]].concat());

    // With the table locked, every statement takes as long as its caller has patience.
    let mut holder = database.client().await;
    let lock = holder.transaction().await.expect("a transaction");
    lock.batch_execute("LOCK TABLE track IN ACCESS EXCLUSIVE MODE").await.expect("the lock");
    client(&served, "locked");
    lock.rollback().await.expect("the lock is given back");
}

fn client(served: &Served, scene: &str) {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = package.join(".tools/venv/bin/python");
    assert!(python.exists(), "{} is missing: run `make test`, which installs it", python.display());
    let folder = tempfile::tempdir().expect("a folder");
    let exported = rowcall()
        .args(["export", "--plain", "--contract", CONTRACT])
        .arg(folder.path())
        .current_dir(&folder)
        .output()
        .expect("rowcall starts");
    assert!(exported.status.success(), "export: {}", String::from_utf8_lossy(&exported.stderr));
    let output = Command::new(python)
        .arg(package.join("tests/clients/python/client.py"))
        .args([&served.address, scene])
        .arg(folder.path())
        .output()
        .expect("python starts");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
