//! A Postgres of our own: made, filled, locked, stopped, and picked up again after the worst.

mod accounts;
mod child;
mod folders;
mod full;
mod killed;
mod served;

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rowcall::embedded::{self, Embedded, Error, Settings};
use tempfile::TempDir;

const LOAD: &str = "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 1000);";

/// For what takes seconds, on a machine that has other things to do.
const LATE: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(5);

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
    let counted = query(embedded, &format!("SELECT count(*) FROM {table}")).await;
    counted.expect("an answer").expect("a count")
}

/// The number that a statement answers, on a connection of its own.
fn query(
    embedded: &Embedded,
    sql: &str,
) -> impl Future<Output = Result<Option<i64>, tokio_postgres::Error>> + Send + use<> {
    let config = embedded.url().parse::<tokio_postgres::Config>().expect("a URL");
    let sql = sql.to_owned();
    async move {
        let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        let messages = client.simple_query(&sql).await?;
        let row = messages.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(row.map(|text| text.parse().expect("a number")))
    }
}

/// Waits until it does, and has what was loaded; it refuses while it recovers.
async fn answers(embedded: &Embedded) {
    let answered = async {
        while query(embedded, "SELECT count(*) FROM t").await.ok() != Some(Some(1000)) {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(LATE, answered).await.expect("it recovers");
}

/// Waits for a state of the file system.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let seen = async {
        while !holds() {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(LATE, seen).await.unwrap_or_else(|_| panic!("{what} does not come"));
}

/// Where `initdb` works.
fn unfinished(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder.join("data")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains("unfinished"))
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
    let process = std::process::id();
    assert!(matches!(error, Error::Running { process: Some(by), .. } if by == process), "{error}");
    assert!(
        error.to_string().contains(&format!("/data is in use: another server (process {process})")),
        "{error}"
    );
    assert_eq!(count(&first, "t").await, 1000);
    first.stop().await;
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
