//! Contract + catalog + request → SQL, without a database.
//!
//! A case is a folder with a `request.json` and the `statement.sql` it comes to, which pastes into
//! psql. `UPDATE_GOLDEN=1 cargo test --test golden` writes the statements anew.

mod batches;
#[path = "../../src/damage.rs"]
mod damage;
mod damaged;
mod refusals;
mod request;
mod store;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use rowcall::sql::Statement;

use crate::request::Request;

#[test]
fn every_case_has_its_statement() {
    let plans = store::plans();
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(!cases.is_empty(), "no cases");
    for case in cases {
        let text = std::fs::read_to_string(case.join("request.json")).expect("a case has a request.json");
        let request: Request = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{case:?}: {e}"));
        let statement = pasteable(&request.statement(&plans));
        let path = case.join("statement.sql");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &statement).expect("the case can be written");
        }
        if std::fs::read_to_string(&path).ok().as_deref() != Some(statement.as_str()) {
            wrong.push(format!("{}:\n{statement}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "these statements are not the ones written down:\n{}", wrong.join("\n"));
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cases");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("there are cases")
        .map(|entry| entry.expect("readable").path())
        .collect();
    cases.sort();
    cases
}

/// Prepared with its types, then executed with its values, as psql takes both. EXPLAIN cannot be
/// prepared by name, so its values stand in place.
fn pasteable(statement: &Statement) -> String {
    let mut values = Vec::new();
    let mut types = Vec::new();
    for param in &statement.params {
        let of = store::value_type(param.oid);
        types.push(store::type_name(param.oid));
        values.push(match &param.value {
            None => "NULL".to_owned(),
            Some(bytes) => {
                let mut text = String::new();
                of.format(bytes, &mut text);
                format!("'{}'", text.replace('\'', "''"))
            }
        });
    }
    let columns: Vec<String> = statement.columns.iter().map(|oid| store::type_name(*oid)).collect();
    let mut out = format!("-- answers ({})\n", columns.join(", "));
    let text = broken(&statement.text);
    if text.starts_with("EXPLAIN") {
        let mut text = text;
        for (at, value) in values.iter().enumerate().rev() {
            text = text.replace(&format!("${}", at + 1), &format!("{value}::{}", types[at]));
        }
        let _ = writeln!(out, "{text};");
        return out;
    }
    let declared = if types.is_empty() { String::new() } else { format!(" ({})", types.join(", ")) };
    let given = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
    let _ = writeln!(out, "PREPARE q{declared} AS\n{text};\nEXECUTE q{given};\nDEALLOCATE q;");
    out
}

/// A line per clause reads better in a review.
fn broken(text: &str) -> String {
    let mut text = text.to_owned();
    for word in
        [" FROM ", " LEFT JOIN ", " CROSS JOIN ", " WHERE ", " AND ", " ORDER BY ", " LIMIT ", " UNION ALL "]
    {
        text = text.replace(word, &format!("\n{}", &word[1..]));
    }
    text
}
