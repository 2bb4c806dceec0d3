//! Rowcall or its Postgres killed, at every moment: the next start goes on from there.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rowcall::embedded;
use rustix::fs::FlockOperation;
use rustix::process::Signal;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{LOAD, answers, child, count, kill, place, query, server, settings, start, unfinished, until};
use crate::support::rowcall;

#[tokio::test]
async fn its_death_is_noticed() {
    let folder = place();
    let embedded = start(folder.path()).await;
    let exited = embedded.exited();
    kill(server(&embedded), Signal::KILL);
    assert!(exited.await.contains('9'));
    drop(embedded);
    let again = start(folder.path()).await;
    assert_eq!(count(&again, "t").await, 1000);
    again.stop().await;
}

/// A backend that computes looks at nothing else, and holds the memory that the next Postgres would use.
#[tokio::test]
async fn what_its_death_left_is_cleared_away() {
    let folder = place();
    let embedded = start(folder.path()).await;
    let busy = query(&embedded, "SELECT count(*) FROM generate_series(1, 1e12)");
    let busy = tokio::spawn(busy);
    while count(&embedded, "pg_stat_activity WHERE query LIKE '%1e12%' AND pid <> pg_backend_pid()").await
        == 0
    {
        tokio::task::yield_now().await;
    }
    let exited = embedded.exited();
    kill(server(&embedded), Signal::KILL);
    exited.await;
    drop(embedded);
    assert!(!busy.is_finished(), "the backend went by itself, and nothing is left to be cleared away");
    let again = start(folder.path()).await;
    assert_eq!(count(&again, "t").await, 1000);
    assert!(busy.await.expect("it was waited for").is_err());
    again.stop().await;
}

#[tokio::test]
async fn a_killed_backend_takes_nothing_with_it() {
    let folder = place();
    let embedded = start(folder.path()).await;
    let sleeping = tokio::spawn(query(&embedded, "SELECT 1 FROM pg_sleep(600)"));
    let backend = loop {
        let pid = "SELECT max(pid)::int8 FROM pg_stat_activity WHERE query LIKE '%(600)%' AND pid <> pg_backend_pid()";
        if let Ok(Some(pid)) = query(&embedded, pid).await {
            break pid;
        }
    };
    let before = server(&embedded);
    kill(backend.try_into().expect("a number"), Signal::KILL);
    assert!(sleeping.await.expect("it was waited for").is_err());
    answers(&embedded).await;
    assert_eq!(server(&embedded), before);
    embedded.stop().await;
}

/// What a killed Rowcall leaves may be no Postgres yet, which its data could name: all it has is the log.
#[tokio::test]
async fn an_orphan_too_young_to_be_named_is_waited_for_and_stopped() {
    let folder = place();
    let embedded = start(folder.path()).await;
    let line = fs::read(format!("/proc/{}/cmdline", server(&embedded))).expect("its command line");
    let line = line.split(|byte| *byte == 0).filter(|word| !word.is_empty()).map(OsStr::from_bytes);
    let owner = fs::metadata(embedded.folder().join("postgres")).expect("the data");
    let log = embedded.log();
    embedded.stop().await;

    let mut young = Command::new("sh");
    young.args(["-c", "read go; exec \"$@\"", "sh"]).args(line).current_dir("/");
    let output = File::options().append(true).open(log).expect("the log");
    rustix::fs::flock(&output, FlockOperation::LockExclusive).expect("it is unlocked");
    young.stdin(Stdio::piped()).stderr(output.try_clone().expect("a second handle")).stdout(output);
    if rustix::process::geteuid().is_root() {
        young.uid(owner.uid()).gid(owner.gid());
    }
    let mut orphan = young.kill_on_drop(true).spawn().expect("a shell");
    drop(young);

    let mut starting = Box::pin(start(folder.path()));
    let early = tokio::time::timeout(Duration::from_millis(1500), &mut starting).await;
    assert!(early.is_err(), "it did not wait");
    orphan.stdin.take().expect("it is piped").write_all(b"go\n").await.expect("the shell reads");
    let embedded = starting.await;
    let ended = orphan.try_wait().expect("it is ours").expect("it has ended");
    assert!(ended.success(), "it was not asked kindly: {ended}");
    assert_eq!(count(&embedded, "t").await, 1000);
    embedded.stop().await;
}

/// Killed by who starts it: see below.
#[tokio::test]
#[ignore = "the body of a child process"]
async fn child_that_is_killed() {
    let Some(folder) = child::folder() else { return };
    let load = match std::env::var_os("ROWCALL_TEST_SLOW") {
        Some(_) => "CREATE TABLE t (id int); INSERT INTO t VALUES (1); SELECT pg_sleep(600);",
        None => LOAD,
    };
    let embedded = embedded::start(settings(&folder, load)).await.expect("it starts");
    embedded.exited().await;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Child {
    Quick,
    /// Its load never ends.
    Slow,
}

/// Starts the child, waits for a sign of it in the folder, and kills it the hard way.
async fn kill_a_child(folder: &Path, which: Child, sign: impl Fn() -> bool) {
    let mut command = child::command(&["env"], "embedded::killed::child_that_is_killed", folder);
    if which == Child::Slow {
        command.env("ROWCALL_TEST_SLOW", "1");
    }
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a child");
    until("a sign of life", &sign).await;
    child.kill().await.expect("it is killed");
}

fn says_ready(folder: &Path) -> Option<i32> {
    let text = fs::read_to_string(folder.join("data/postgres/postmaster.pid")).ok()?;
    (text.lines().nth(7)?.trim() == "ready").then(|| text.lines().next()?.trim().parse().ok())?
}

#[tokio::test]
async fn a_killed_servers_postgres_is_stopped_and_started_again() {
    let folder = place();
    let ready = || says_ready(folder.path()).is_some();
    kill_a_child(folder.path(), Child::Quick, ready).await;
    let left = says_ready(folder.path()).expect("it was left running");
    let embedded = start(folder.path()).await;
    assert_ne!(server(&embedded), left);
    assert_eq!(count(&embedded, "t").await, 1000);
    embedded.stop().await;
}

#[tokio::test]
async fn a_load_that_was_killed_is_done_again() {
    let folder = place();
    // Beside the three databases that every cluster has.
    let databases = || fs::read_dir(folder.path().join("data/postgres/base")).map_or(0, Iterator::count);
    let loading = || says_ready(folder.path()).is_some() && databases() > 3;
    kill_a_child(folder.path(), Child::Slow, loading).await;
    let embedded = start(folder.path()).await;
    assert_eq!(count(&embedded, "t").await, 1000);
    embedded.stop().await;
}

#[tokio::test]
async fn a_cluster_that_was_killed_half_made_is_made_again() {
    let folder = place();
    let half = || unfinished(folder.path()).is_some_and(|half| half.join("PG_VERSION").exists());
    kill_a_child(folder.path(), Child::Quick, half).await;
    assert!(!folder.path().join("data/postgres").exists());
    let embedded = start(folder.path()).await;
    assert_eq!(count(&embedded, "t").await, 1000);
    embedded.stop().await;
}

#[tokio::test]
async fn a_server_told_to_stop_while_it_starts_does_not_go_on() {
    let folder = place();
    let mut command = Command::from(rowcall());
    command.args(["serve", "--listen", "127.0.0.1:0", "--set", "embedded.directory=data"]);
    command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut served = command.kill_on_drop(true).spawn().expect("rowcall starts");
    until("initdb", || unfinished(folder.path()).is_some()).await;
    kill(served.id().expect("it runs").try_into().expect("a number"), Signal::TERM);
    assert!(served.wait().await.expect("it is ours").success());
    assert!(!folder.path().join("data/postgres").exists());
}
