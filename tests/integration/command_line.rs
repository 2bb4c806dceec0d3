//! What the command promises about its exit codes, its output and its colours.

use std::fs;
use std::process::{Command, Output};

use crate::support::rowcall;

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
