//! A full disk: said, whenever it happens, and no harm once there is room again. The disk is a small one in memory,
//! which only the child sees.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rowcall::embedded::{self, Error, Settings};

use super::{LOAD, answers, child, count, place, query, refused, settings, start, unfinished};

const MIB: u64 = 1 << 20;

/// Room for a cluster, a load, and what Postgres notes of both.
const MOUNT: &str =
    r#"mount -t tmpfs -o size=500m,mode=0755 rowcall-test "$ROWCALL_TEST_FOLDER" || exit 1; exec "$@""#;

/// As a user who is not root, root of a namespace may mount; then it is that user again.
const MOUNT_AS_USER: &str = r#"mount -t tmpfs -o size=500m,mode=0755 rowcall-test "$ROWCALL_TEST_FOLDER" || exit 1
       exec unshare --user --map-user="$ID" --map-group="$GROUP" -- "$@""#;

/// Runs a test of below with a disk of its own, which ends with it.
async fn run(name: &str) {
    let folder = place();
    let name = format!("embedded::full::{name}");
    let before: &[&str] = match rustix::process::geteuid().is_root() {
        true => &["unshare", "--mount", "sh", "-c", MOUNT, "sh"],
        false => &["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNT_AS_USER, "sh"],
    };
    let mut command = child::command(before, &name, folder.path());
    command.env("ID", rustix::process::geteuid().as_raw().to_string());
    command.env("GROUP", rustix::process::getegid().as_raw().to_string());
    child::succeed(command).await;
}

fn free(folder: &Path) -> u64 {
    let disk = rustix::fs::statvfs(folder).expect("a disk");
    disk.f_bavail * disk.f_frsize
}

/// Takes all of the disk but so much.
fn fill(folder: &Path, rest: u64) -> PathBuf {
    let path = folder.join("filler");
    let mut file = File::create(&path).expect("a file");
    let page = [1; 4096];
    while free(folder) > rest && file.write_all(&page).is_ok() {}
    assert!(free(folder) <= rest);
    path
}

fn is_full(error: Error) {
    let said = format!("{:#}", anyhow::Error::from(error));
    assert!(said.contains("the disk of ") && said.contains("is full: make room there"), "{said}");
}

#[tokio::test]
#[ignore = "the body of a child process"]
async fn child_whose_disk_is_full_at_first() {
    let Some(folder) = child::folder() else { return };
    for rest in [0, 8 * 1024, MIB, 20 * MIB] {
        let filler = fill(&folder, rest);
        is_full(refused(settings(&folder, LOAD)).await);
        assert_eq!(unfinished(&folder), None, "with {rest} bytes");
        fs::remove_file(filler).expect("it is ours");
    }
    let embedded = start(&folder).await;
    assert_eq!(count(&embedded, "t").await, 1000);
    embedded.stop().await;
}

#[tokio::test]
async fn a_disk_that_is_full_at_first_is_said_to_be() {
    run("child_whose_disk_is_full_at_first").await;
}

/// 60 MiB of rows.
const LARGE: &str = "CREATE TABLE t (id int, text text);
    INSERT INTO t SELECT i, repeat('x', 400) FROM generate_series(1, 150000) i;";

#[tokio::test]
#[ignore = "the body of a child process"]
async fn child_whose_disk_is_filled_by_the_load() {
    let Some(folder) = child::folder() else { return };
    let large = || Settings { load: LARGE.into(), ..settings(&folder, LOAD) };
    let filler = fill(&folder, 90 * MIB);
    is_full(refused(large()).await);
    // Again, now that the cluster is there.
    is_full(refused(large()).await);
    fs::remove_file(filler).expect("it is ours");
    let embedded = embedded::start(large()).await.expect("it starts");
    assert_eq!(count(&embedded, "t").await, 150_000);
    embedded.stop().await;
}

#[tokio::test]
async fn a_load_without_room_is_done_again() {
    run("child_whose_disk_is_filled_by_the_load").await;
}

#[tokio::test]
#[ignore = "the body of a child process"]
async fn child_whose_disk_fills_up_later() {
    let Some(folder) = child::folder() else { return };
    let embedded = start(&folder).await;
    let filler = fill(&folder, 0);
    let write = "CREATE TABLE more AS SELECT repeat('x', 1000) FROM generate_series(1, 100000)";
    assert!(query(&embedded, write).await.is_err());
    // Whether it crashed by that or not.
    answers(&embedded).await;
    embedded.stop().await;
    is_full(refused(settings(&folder, LOAD)).await);
    fs::remove_file(filler).expect("it is ours");
    let embedded = start(&folder).await;
    assert_eq!(count(&embedded, "t").await, 1000);
    query(&embedded, write).await.expect("there is room");
    embedded.stop().await;
}

#[tokio::test]
async fn a_disk_that_fills_up_later_loses_nothing() {
    run("child_whose_disk_fills_up_later").await;
}
