//! What the README says of settings and reasons is what the code has.

use std::fs;

use rowcall::config;
use rowcall::contract::{self, Source};
use rowcall::plan::{filter, mask, order, token};
use rowcall::telemetry::instruments;

const README: &str = include_str!("../../README.md");
const REASONS: &str = include_str!("../../proto/rowcall/v1/reason.proto");

#[test]
fn the_table_of_settings_is_the_declarations() {
    let table = config::table();
    assert!(README.contains(&table), "README.md: the table of settings should be:\n\n{table}");
}

#[test]
fn the_table_of_metrics_is_the_instruments() {
    let table = instruments::table();
    assert!(README.contains(&table), "README.md: the table of metrics should be:\n\n{table}");
}

#[test]
fn the_table_of_reasons_is_the_enum() {
    let rows: Vec<(&str, &str)> = README
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> =
                line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
            let name = cells[0].strip_prefix('`')?.strip_suffix('`')?;
            let is_reason = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            is_reason.then(|| (name, cells[cells.len() - 1]))
        })
        .collect();
    assert_eq!(rows, reasons());
}

#[test]
fn the_fixed_limits_are_the_constants() {
    let said = format!(
        "Fixed: parentheses in a filter nest {} deep; an order has {} fields and {} KiB; a mask has {} paths, \
         relations {} deep; a token {} KiB.",
        filter::DEPTH_MAX,
        order::TERMS_MAX,
        order::BYTES_MAX >> 10,
        mask::PATHS_MAX,
        mask::DEPTH_MAX,
        token::TOKEN_BYTES_MAX >> 10,
    );
    assert!(README.contains(&said), "README.md: {said}");
}

#[test]
fn the_contract_loads() {
    let (_, rest) = README.split_once("```proto\n").expect("a contract");
    let (text, _) = rest.split_once("```").expect("its end");
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("chinook.proto"), text).expect("written");
    let contract = contract::load(&Source { paths: vec![folder.path().into()] });
    assert_eq!(contract.map(|contract| contract.problems), Ok(vec![]));
}

/// Name and comment of every value but the zero.
fn reasons() -> Vec<(&'static str, &'static str)> {
    let lines: Vec<&str> = REASONS.lines().map(str::trim).collect();
    let values = lines.windows(2).filter_map(|pair| {
        let comment = pair[0].strip_prefix("// ")?;
        let (name, number) = pair[1].strip_suffix(';')?.split_once(" = ")?;
        (number != "0").then_some((name, comment))
    });
    values.collect()
}
