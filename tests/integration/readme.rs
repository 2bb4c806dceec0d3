//! What the README says of settings and reasons is what the code has.

use rowcall::config;

const README: &str = include_str!("../../README.md");
const REASONS: &str = include_str!("../../proto/rowcall/v1/reason.proto");

#[test]
fn the_table_of_settings_is_the_declarations() {
    let table = config::table();
    assert!(README.contains(&table), "README.md: the table of settings should be:\n\n{table}");
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
