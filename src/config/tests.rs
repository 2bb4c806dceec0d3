//! What the sources give, who wins, and how problems read.

use std::time::Duration;

use proptest::prelude::*;

use super::declare::Setting;
use super::sections::SETTINGS;
use super::*;
use crate::damage::{self, timed};

fn from_file(text: &str) -> Result<Loaded, Error> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rowcall.toml");
    fs::write(&file, text).expect("written");
    load(Inputs { file: Some(file), ..Inputs::default() })
}

fn problems_of_file(text: &str) -> Vec<String> {
    let error = from_file(text).expect_err("something is wrong");
    // Without the temporary folder in front.
    error
        .problems
        .iter()
        .map(|p| p.to_string().split("/rowcall.toml:").last().unwrap_or("").to_owned())
        .collect()
}

fn from_environment(variables: &[(&str, &str)]) -> Result<Loaded, Error> {
    let environment = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    load(Inputs { environment, ..Inputs::default() })
}

#[test]
fn every_default_is_a_value_of_its_setting() {
    let config = Config::defaults().expect("defaults");
    assert!(contradictions(&config).is_empty());
    assert_eq!(config.postgres.statements_max, 256);
    assert_eq!(config.pages.bytes_max.bytes(), 7 << 19);
    assert_eq!(config.tokens.age_max, Duration::from_secs(3 * 24 * 3600));
    assert!(config.postgres.url.is_none());
}

#[test]
fn flags_win_over_environment_over_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rowcall.toml");
    let text = "[postgres]\nconnections_max = 5\nconnections_kept = 1\nwait_max = \"1s\"\n";
    fs::write(&file, text).expect("written");
    let loaded = load(Inputs {
        file: Some(file.clone()),
        environment: vec![
            ("ROWCALL_POSTGRES_CONNECTIONS_MAX".into(), "6".into()),
            ("ROWCALL_POSTGRES_CONNECTIONS_KEPT".into(), "2".into()),
        ],
        flags: vec![("--set", "postgres.connections_max".into(), "7".into())],
    })
    .expect("loads");
    let postgres = &loaded.config.postgres;
    assert_eq!((postgres.connections_max, postgres.connections_kept), (7, 2));
    assert_eq!(postgres.wait_max, Duration::from_secs(1));
    assert_eq!(loaded.given["postgres.connections_max"].origin, Origin::Flag("--set"));
    assert_eq!(loaded.given["postgres.wait_max"].origin, Origin::File { path: file, line: 4 });
}

#[test]
fn everything_wrong_in_a_file_is_told_at_once_with_its_line() {
    let problems = problems_of_file(
        "[postgres]\nconections_max = 5\nwait_max = \"soon\"\n\n[stream]\nfilter_terms_max = 3\nahead_bytes = [1]\n[pages]\nsize_max = 0\n",
    );
    assert_eq!(
        problems,
        [
            "2: no setting \"postgres.conections_max\"; did you mean \"postgres.connections_max\"?",
            "6: no setting \"stream.filter_terms_max\"; did you mean \"limits.filter_terms_max\"?",
            "3: postgres.wait_max: expected a duration, like \"10s\", \"5m\" or \"3d\", got \"soon\"",
            "9: pages.size_max: 0 is outside 1..",
            "7: stream.ahead_bytes: expected a size, like \"4MiB\" or a number of bytes, got \"1\"",
        ]
    );
    assert_eq!(problems_of_file("[pages\n").len(), 1);
    assert_eq!(problems_of_file("pages = 3\n"), ["1: pages stands outside of a section"]);
    assert!(load(Inputs { file: Some("/nowhere/rowcall.toml".into()), ..Inputs::default() }).is_err());
}

#[test]
fn an_unknown_variable_is_an_error_but_kubernetes_links_are_not() {
    let error = from_environment(&[("ROWCALL_POSTGRES_CONECTIONS_MAX", "5")]).expect_err("unknown");
    assert_eq!(
        error.to_string(),
        "ROWCALL_POSTGRES_CONECTIONS_MAX: no such setting; did you mean \"ROWCALL_POSTGRES_CONNECTIONS_MAX\"?"
    );
    from_environment(&[
        ("ROWCALL_SERVICE_HOST", "10.0.0.1"),
        ("ROWCALL_SERVICE_PORT_GRPC", "50051"),
        ("ROWCALL_PORT", "tcp://10.0.0.1:50051"),
        ("ROWCALL_PORT_50051_TCP_ADDR", "10.0.0.1"),
        ("OTHER", "thing"),
    ])
    .expect("not Rowcall's");
}

#[test]
fn the_database_has_two_names_of_which_the_longer_wins() {
    let short = from_environment(&[("DATABASE_URL", "postgres://a")]).expect("loads");
    assert_eq!(short.config.postgres.url, Some(Secret::new("postgres://a")));
    let both = [("DATABASE_URL", "postgres://a"), ("ROWCALL_POSTGRES_URL", "postgres://b")];
    let both = from_environment(&both).expect("loads");
    assert_eq!(both.config.postgres.url, Some(Secret::new("postgres://b")));
}

#[test]
fn secrets_come_from_files_and_never_print() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("url");
    fs::write(&file, "postgres://me:hunter2@db/shop\n").expect("written");
    let path = file.to_string_lossy();
    let loaded = from_environment(&[("ROWCALL_POSTGRES_URL_FILE", &path)]).expect("loads");
    assert_eq!(loaded.config.postgres.url, Some(Secret::new("postgres://me:hunter2@db/shop")));
    assert!(in_force(&loaded.given).contains(&format!("url_file = \"{path}\"")));

    let plain = from_environment(&[("DATABASE_URL", "postgres://me:hunter2@db/shop")]).expect("loads");
    let printed = in_force(&plain.given);
    assert!(printed.contains("url = \"***\"") && printed.contains("# DATABASE_URL"), "{printed}");
    assert!(!printed.contains("hunter2") && !format!("{plain:?}").contains("hunter2"));

    let wrong = from_environment(&[("ROWCALL_TOKENS_KEYS", "hunter2")]).expect_err("not a key");
    assert!(!wrong.to_string().contains("hunter2"));
    let both = [("ROWCALL_POSTGRES_URL", "postgres://a"), ("ROWCALL_POSTGRES_URL_FILE", &*path)];
    assert!(from_environment(&both).is_err());
}

#[test]
fn what_is_printed_can_be_read_again() {
    let printed = in_force(&BTreeMap::new());
    let loaded = from_file(&printed).expect("a settings file");
    assert_eq!(format!("{:?}", loaded.config), format!("{:?}", Config::defaults().expect("defaults")));
}

#[test]
fn no_two_settings_share_a_variable() {
    let mut variables: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
    variables.sort();
    let all = variables.len();
    variables.dedup();
    assert_eq!(variables.len(), all);
}

const GOOD: &str = r#"
[contract]
paths = ["proto", "more/proto"]
[listener]
address = "127.0.0.1:50051"
age_max = "5m"
[postgres]
connections_max = 5
wait_max = "1.5s"
encoding_unchecked = false
[pages]
bytes_max = "3.5MiB"
[tokens]
keys = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]
[log]
format = "json"
"#;

/// Whoever made it, what is wrong has a place and words.
fn answered(loaded: Result<Loaded, Error>) {
    if let Err(error) = loaded {
        assert!(!error.problems.is_empty());
        assert!(error.problems.iter().all(|problem| !problem.to_string().trim().is_empty()), "{error:?}");
    }
}

proptest! {
    #[test]
    fn any_file_is_read_or_refused(text in damage::texts([GOOD])) {
        timed(&text, || answered(from_file(&text)));
    }

    #[test]
    fn any_value_is_read_or_refused(
        text in damage::texts(["10s", "4MiB", "127.0.0.1:50051", "true", "direct", "a,b", "17", "info,rowcall=debug"]),
    ) {
        for Setting { name, .. } in SETTINGS {
            let flags = vec![("--set", (*name).to_owned(), text.clone())];
            timed(&text, || answered(load(Inputs { flags, ..Inputs::default() })));
        }
    }
}
