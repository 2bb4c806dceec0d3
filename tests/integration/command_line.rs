//! What the command promises about its exit codes, its output and its colours.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{CHINOOK, database, rowcall};

const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contracts/chinook");
const FUNCTIONS: &str = "tests/contracts/chinook/functions.sql";

/// Exit code, output and errors of a command over the music store's contract.
async fn over(url: &str, line: &[&str]) -> (i32, String, String) {
    let mut command = rowcall();
    command.args(line).args(["--contract", CONTRACT]).env("DATABASE_URL", url);
    tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ends")
}

fn run(command: &mut Command) -> (i32, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let Output { status, stdout, stderr } = command.current_dir(&folder).output().expect("rowcall starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("it ends by itself"), text(stdout), text(stderr))
}

#[test]
fn a_wrong_line_or_setting_is_two_and_says_what_is_known() {
    let (code, _, error) = run(rowcall().arg("serv"));
    assert_eq!(code, 2);
    assert!(error.contains("'serve'"), "{error}");
    let (code, out, error) = run(rowcall().args(["config", "--set", "pages.sizemax=3"]));
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(error, "rowcall: --set: no setting \"pages.sizemax\"; did you mean \"pages.size_max\"?\n");
}

#[test]
fn a_missing_contract_or_database_is_two_and_says_how_to_give_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    for (line, missing) in [
        (vec!["export", "out"], "--contract PATH"),
        (vec!["check", "--database", "postgres://"], "--contract PATH"),
        (vec!["explain", "GetTrack", "--contract", path], "DATABASE_URL"),
        (vec!["serve", "--contract", path], "DATABASE_URL"),
        (vec!["serve", "--database", "postgres://"], "--contract PATH"),
        (vec!["serve", "--listen", "0.0.0.0:0"], "this machine only"),
    ] {
        let (code, out, error) = run(rowcall().args(&line));
        assert_eq!((code, out.as_str()), (2, ""), "{line:?}");
        assert!(error.contains(missing), "{line:?}: {error}");
    }
}

#[test]
fn a_broken_contract_is_one_and_every_problem_has_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let proto = "syntax = \"proto3\";\npackage a.v1;\nmessage A { Missing b = 1; }\n";
    fs::write(folder.path().join("a.proto"), proto).expect("written");
    let (code, out, error) = run(rowcall().args(["export", "out", "--contract"]).arg(folder.path()));
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(error.starts_with("a.proto:3: "), "{error}");
}

#[test]
fn settings_are_printed_with_their_origin_and_without_secrets() {
    let mut command = rowcall();
    command
        .args(["config", "--set", "pages.size_max=70"])
        .env("DATABASE_URL", "postgres://me:hunter2@db/shop");
    let (code, out, _) = run(&mut command);
    assert_eq!(code, 0);
    assert!(!out.contains("hunter2"), "{out}");
    let line = |start: &str| out.lines().find(|line| line.starts_with(start)).unwrap_or_default();
    assert!(line("url = \"***\" ").ends_with("# DATABASE_URL"), "{out}");
    assert!(line("size_max = 70 ").ends_with("# --set"), "{out}");
    assert!(line("statements_max = 256 ").ends_with("# default"), "{out}");
}

#[test]
fn a_pipe_gets_no_colours() {
    let mut command = rowcall();
    command.arg("--help").env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    let (code, out, _) = run(&mut command);
    assert_eq!(code, 0);
    assert!(out.contains("Exit codes:") && !out.contains('\u{1b}'), "{out}");
}

#[tokio::test]
async fn check_tells_people_programs_and_github_the_same() {
    let database = database(&[CHINOOK[0], FUNCTIONS]).await;
    let (code, text, error) = over(&database.url, &["check", "--strict"]).await;
    assert_eq!((code, error.as_str()), (0, ""), "{text}");
    let (indexes, verdict) = text.trim_end().rsplit_once("\n\n").expect("indexes, then the verdict");
    assert!(verdict.starts_with("11 resources: fits; 0 problems, 0 losses, "), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    let (code, json, _) = over(&database.url, &["check", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((code, &json["fits"]), (0, &Value::Bool(true)));
    let (code, github, _) = over(&database.url, &["check", "--format", "github"]).await;
    assert_eq!(code, 0);
    let found = json["indexes"].as_array().expect("indexes");
    assert!(!found.is_empty());
    for statement in found.iter().map(|index| index["statement"].as_str().expect("SQL")) {
        assert!(statement.starts_with("CREATE INDEX CONCURRENTLY ON "), "{statement}");
        assert!(indexes.contains(statement) && github.contains(statement), "{statement}");
        database.execute(statement).await;
    }
    // What it asked for is what it wanted.
    let (_, text, _) = over(&database.url, &["check"]).await;
    assert_eq!(text, "11 resources: fits; 0 problems, 0 losses, 0 missing indexes\n");
}

#[tokio::test]
async fn check_is_one_when_it_does_not_fit_and_losses_count_when_asked() {
    let database = database(&[CHINOOK[0], FUNCTIONS]).await;
    database.execute("ALTER TABLE track ALTER COLUMN name DROP NOT NULL").await;
    let (code, text, _) = over(&database.url, &["check"]).await;
    assert_eq!(code, 0, "{text}");
    let loss = text.lines().find(|line| line.contains("Track.title")).unwrap_or_else(|| panic!("{text}"));
    assert!(
        text.starts_with("Loses something:\n") && loss.starts_with("chinook/v1/chinook.proto:"),
        "{text}"
    );
    let (code, text, _) = over(&database.url, &["check", "--strict"]).await;
    assert_eq!(code, 1, "{text}");
    database.execute("DROP TABLE genre CASCADE").await;
    let (code, text, _) = over(&database.url, &["check"]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.starts_with("Does not fit:\n") && text.contains("Genre: "), "{text}");
    assert!(text.contains("\n11 resources: does not fit; "), "{text}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_three() {
    for line in [vec!["check"], vec!["explain", "GetTrack"]] {
        let (code, out, error) = over("postgres://127.0.0.1:1/shop", &line).await;
        assert_eq!((code, out.as_str()), (3, ""), "{error}");
        assert!(error.starts_with("rowcall: the database cannot be reached: 127.0.0.1:1: "), "{error}");
    }
}

#[tokio::test]
async fn explain_shows_plan_sql_values_and_postgres_own() {
    let database = database(&[CHINOOK[0], FUNCTIONS]).await;
    let (code, text, error) =
        over(&database.url, &["explain", "ListTracks", r#"{"filter":"length > 200s"}"#]).await;
    assert_eq!((code, error.as_str()), (0, ""), "{text}");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("-- chinook.v1.ChinookService/ListTracks"));
    assert_eq!(lines.next(), Some("--   a page of Track, from table \"public\".\"track\""));
    let page = text.split("\n\n").nth(1).expect("a statement");
    assert!(page.starts_with("-- page\nSELECT "), "{text}");
    assert!(page.contains("\nWHERE t.\"milliseconds\" > $1\nORDER BY t.\"track_id\"\nLIMIT $2;\n"), "{text}");
    // One row more than the page has tells whether another follows.
    assert!(page.contains("\n--   $1 = 200000\n--   $2 = 51\n"), "{text}");
    assert!(page.contains("\n--   Limit  (cost="), "{text}");
}

#[tokio::test]
async fn explain_reads_doubles_and_says_what_is_wrong() {
    let database = database(&[CHINOOK[0], FUNCTIONS]).await;
    for (line, says) in [
        (["explain", "ListTracks", r#"{"filter":"lenght > 200s"}"#], "did you mean \"length\"?"),
        (["explain", "ListTracks", r#"{"pagesize": 2}"#], "'pagesize'"),
        (["explain", "ListTracks", r#"{"page_size": 1.5}"#], "expected integer value"),
        (["explain", "ListTrack", "{}"], "did you mean \"ListTracks\"?"),
    ] {
        let (code, out, error) = over(&database.url, &line).await;
        assert_eq!((code, out.as_str()), (1, ""), "{line:?}");
        assert!(error.starts_with("rowcall: ") && error.contains(says), "{error}");
    }
    // A whole number may be written with a fraction.
    let (code, text, error) = over(&database.url, &["explain", "ListTracks", r#"{"page_size": 2.0}"#]).await;
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("\n--   $1 = 3\n"), "{text}");
}

#[test]
fn export_lists_what_it_wrote_and_plain_names_no_table() {
    for (flags, tells) in [(&[][..], true), (&["--plain"][..], false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = rowcall();
        command.args(["export", "--contract", CONTRACT]).args(flags).arg(folder.path());
        let (code, out, error) = run(&mut command);
        assert_eq!((code, error.as_str()), (0, ""));
        let own = folder.path().join("chinook/v1/chinook.proto");
        assert!(out.lines().any(|line| own.as_os_str() == line), "{out}");
        assert!(out.lines().all(|line| fs::metadata(line).is_ok()), "{out}");
        assert_eq!(fs::read_to_string(own).expect("written").contains("rowcall.v1"), tells);
        assert_eq!(out.contains("rowcall/v1/options.proto"), tells, "{out}");
    }
}
