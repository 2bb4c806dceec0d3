//! A Postgres of our own: made, filled, locked, stopped, and picked up again after the worst.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rowcall::embedded::{self, Embedded, Error, Settings};
use tempfile::TempDir;

const LOAD: &str = "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 1000);";

/// A folder that any user may pass through.
fn place() -> TempDir {
    let folder = tempfile::Builder::new().prefix("rowcall-own-").tempdir().expect("a folder");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), open).expect("it is ours");
    folder
}

fn settings(folder: &Path, load: &'static str) -> Settings {
    Settings { folder: folder.join("data"), load: Cow::Borrowed(load), ..Settings::default() }
}

async fn start(folder: &Path) -> Embedded {
    embedded::start(settings(folder, LOAD)).await.expect("it starts")
}

async fn refused(settings: Settings) -> Error {
    embedded::start(settings).await.err().expect("it is refused")
}

async fn count(embedded: &Embedded, table: &str) -> i64 {
    let config = embedded.url().parse::<tokio_postgres::Config>().expect("a URL");
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("a connection");
    tokio::spawn(connection);
    let row = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.expect("a count");
    row.get(0)
}

fn server(embedded: &Embedded) -> i32 {
    let file = fs::read_to_string(embedded.folder().join("postgres/postmaster.pid")).expect("its number");
    file.lines().next().and_then(|line| line.trim().parse().ok()).expect("a number")
}

fn kill(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a number");
    rustix::process::kill_process(pid, signal).expect("it is alive");
}

#[tokio::test]
async fn it_starts_serves_stops_and_starts_again() {
    let folder = place();
    let embedded = start(folder.path()).await;
    assert_eq!(count(&embedded, "t").await, 1000);
    assert!(
        embedded.version().split('.').next().is_some_and(|major| major.parse::<u32>().unwrap_or(0) >= 14)
    );
    assert_eq!(embedded.folder(), fs::canonicalize(folder.path().join("data")).expect("a folder"));
    let exited = embedded.exited();
    embedded.stop().await;
    assert_eq!(exited.await, "exit status: 0");
    assert!(!folder.path().join("data/postgres/postmaster.pid").exists());
    let again = start(folder.path()).await;
    assert_eq!(count(&again, "t").await, 1000);
    again.stop().await;
}

#[tokio::test]
async fn a_second_start_is_refused_while_one_runs() {
    let folder = place();
    let first = start(folder.path()).await;
    let error = refused(settings(folder.path(), LOAD)).await;
    assert!(matches!(error, Error::Running { .. }), "{error}");
    assert_eq!(count(&first, "t").await, 1000);
    first.stop().await;
}

#[tokio::test]
async fn a_folder_of_others_is_refused_and_left_alone() {
    let folder = place();
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder");
    fs::write(data.join("thesis.txt"), "years of work").expect("a file");
    let error = refused(settings(folder.path(), LOAD)).await;
    assert!(matches!(error, Error::NotOurs { .. }), "{error}");
    assert_eq!(fs::read_dir(&data).expect("a folder").count(), 1);
}

#[tokio::test]
async fn data_of_another_version_are_refused() {
    let folder = place();
    start(folder.path()).await.stop().await;
    fs::write(folder.path().join("data/postgres/PG_VERSION"), "11\n").expect("a file");
    let error = refused(settings(folder.path(), LOAD)).await;
    assert!(matches!(error, Error::OtherVersion { major: 11, .. }), "{error}");
}

#[tokio::test]
async fn its_death_is_noticed() {
    let folder = place();
    let embedded = start(folder.path()).await;
    let exited = embedded.exited();
    kill(server(&embedded), rustix::process::Signal::KILL);
    assert!(exited.await.contains('9'));
    drop(embedded);
    let again = start(folder.path()).await;
    assert_eq!(count(&again, "t").await, 1000);
    again.stop().await;
}

#[tokio::test]
async fn a_load_that_failed_or_changed_is_done_again() {
    let folder = place();
    let broken = "CREATE TABLE t (id int); INSERT INTO t VALUES (1); SELECT 1 / 0;";
    let error = refused(settings(folder.path(), broken)).await;
    assert!(error.to_string().contains("division by zero"), "{error}");
    let embedded = start(folder.path()).await;
    assert_eq!(count(&embedded, "t").await, 1000);
    embedded.stop().await;
    let other = "CREATE TABLE other AS SELECT 1 AS a;";
    let embedded = embedded::start(settings(folder.path(), other)).await.expect("it starts");
    assert_eq!(count(&embedded, "other").await, 1);
    embedded.stop().await;
}

#[tokio::test]
async fn a_long_path_and_odd_names_are_no_obstacle() {
    let folder = place();
    let odd = folder.path().join("it's, a \"folder\" ü").join("x".repeat(90));
    let embedded = start(&odd).await;
    assert_eq!(count(&embedded, "t").await, 1000);
    embedded.stop().await;
}

/// Only root becomes someone else, who cannot go everywhere.
#[tokio::test]
async fn data_go_where_the_user_can() {
    let folder = place();
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(folder.path(), closed).expect("it is ours");
    let embedded = start(folder.path()).await;
    assert_eq!(count(&embedded, "t").await, 1000);
    let where_they_are = embedded.folder().to_owned();
    embedded.stop().await;
    let inside = where_they_are.starts_with(fs::canonicalize(folder.path()).expect("a folder"));
    assert_eq!(inside, !rustix::process::geteuid().is_root(), "{}", where_they_are.display());
    if !inside {
        fs::remove_dir_all(&where_they_are).expect("it is ours");
        // Ours too, unless something else is in it.
        let _ = fs::remove_dir(where_they_are.parent().expect("a parent"));
    }
}

#[tokio::test]
async fn the_example_loads_with_its_rows() {
    let folder = place();
    let settings = Settings { folder: folder.path().join("data"), ..Settings::default() };
    let embedded = embedded::start(settings).await.expect("it starts");
    let mut rows = 0;
    for table in ["zone", "station", "dock", "model", "bike", "repair", "rider", "favourite", "pass", "trip"]
    {
        let found = count(&embedded, table).await;
        assert!(found > 0, "{table}");
        rows += found;
    }
    assert!(rows >= 200_000, "{rows}");
    assert_eq!(count(&embedded, "board").await, 160);
    assert_eq!(count(&embedded, "rush").await, 168);
    embedded.stop().await;
}

/// Runs in a process of its own, which is killed: see below.
#[tokio::test]
#[ignore = "the body of a child process"]
async fn child_that_is_killed() {
    let Ok(folder) = std::env::var("ROWCALL_TEST_FOLDER") else { return };
    let load = match std::env::var_os("ROWCALL_TEST_SLOW") {
        Some(_) => "CREATE TABLE t (id int); INSERT INTO t VALUES (1); SELECT pg_sleep(600);",
        None => LOAD,
    };
    let embedded = embedded::start(settings(&PathBuf::from(folder), load)).await.expect("it starts");
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
    let mut command = tokio::process::Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "embedded::child_that_is_killed", "--ignored"]);
    command.env("ROWCALL_TEST_FOLDER", folder).stdout(Stdio::null()).stderr(Stdio::null());
    if which == Child::Slow {
        command.env("ROWCALL_TEST_SLOW", "1");
    }
    let mut child = command.kill_on_drop(true).spawn().expect("a child");
    let seen = async {
        while !sign() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), seen).await.expect("a sign of life");
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
    let half = || {
        let entries = fs::read_dir(folder.path().join("data")).into_iter().flatten().flatten();
        entries
            .map(|e| e.path())
            .find(|p| p.to_string_lossy().contains("unfinished") && p.join("PG_VERSION").exists())
    };
    kill_a_child(folder.path(), Child::Quick, || half().is_some()).await;
    let embedded = start(folder.path()).await;
    assert_eq!(count(&embedded, "t").await, 1000);
    embedded.stop().await;
}
