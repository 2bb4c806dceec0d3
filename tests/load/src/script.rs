//! What `rowcall explain` says of a call → the same statements as scripts of pgbench, over random keys.
//!
//! Rowcall's own words are used, so that the two cannot differ. Only Get is written here, by one key, as nobody
//! would write it otherwise, and what writes.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::cluster::{Cluster, Database};
use crate::keys::{LIST, ORDERS, ORDERS_MASK, ORDERS_PAGE, PAGE};
use crate::pgbench::Script;
use crate::server::Programs;

const GET: &str = "\\set aid random(16384, 2000000)
SELECT aid, bid, abalance, filler FROM pgbench_accounts WHERE aid = :aid;
";

const UPDATE: &str = "\\set aid random(1, 2000000)
\\set delta random(-5000, 5000)
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
";

/// A thousand rows, which nobody else changes in part.
const UPDATES: &str = "\\set first 1 + 1000 * random(0, 1999)
\\set delta random(-5000, 5000)
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid >= :first AND aid < :first + 1000;
";

/// The first of the orders whose customers and lines pgbench reads.
const ORDERS_MIDDLE: i32 = 150_000;

/// As Rowcall opens the one transaction of a call that has several statements.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n";

/// A statement of a call with the values of one example.
#[derive(Debug, PartialEq)]
struct Statement {
    purpose: String,
    text: String,
    values: Vec<String>,
}

pub fn get(folder: &Path) -> anyhow::Result<Script> {
    plain(folder, "get.sql", GET)
}

pub fn update(folder: &Path) -> anyhow::Result<Script> {
    plain(folder, "update.sql", UPDATE)
}

pub fn updates(folder: &Path) -> anyhow::Result<Script> {
    plain(folder, "updates.sql", UPDATES)
}

fn plain(folder: &Path, name: &str, text: &str) -> anyhow::Result<Script> {
    let file = folder.join(name);
    fs::write(&file, text)?;
    Ok(Script { file, variables: Vec::new() })
}

pub fn list(programs: &Programs, cluster: &Cluster, folder: &Path) -> anyhow::Result<Script> {
    let request = format!(r#"{{"page_size": {PAGE}, "filter": "aid >= {}"}}"#, LIST.start);
    let statements = explain(programs, cluster, "ListAccounts", &request)?;
    let [page] = &statements[..] else { anyhow::bail!("a List is one statement, not {statements:?}") };
    let mut script = Script { file: folder.join("list.sql"), variables: Vec::new() };
    let text = named(page, "first", "page_value", &mut script.variables);
    let text = format!("\\set first random({}, {})\n{text}", LIST.start, LIST.end - 1);
    fs::write(&script.file, text)?;
    Ok(script)
}

/// The page is a random one. The keys of customers and lines go in as arrays, which pgbench can neither take from an
/// answer nor make, so they are those of one page; several would be several scripts, which each client would spend its
/// slice preparing.
pub fn orders(programs: &Programs, cluster: &Cluster, folder: &Path) -> anyhow::Result<Script> {
    let request = format!(
        r#"{{"page_size": {ORDERS_PAGE}, "filter": "order_id >= {}", "read_mask": "{}"}}"#,
        ORDERS.start,
        ORDERS_MASK.map(camel).join(",")
    );
    let statements = explain(programs, cluster, "ListOrders", &request)?;
    let [page, customers, lines] = &statements[..] else {
        anyhow::bail!("a page and two relations are three statements, not {statements:?}")
    };
    ensure!(customers.purpose == "customer" && lines.purpose == "lines", "other relations: {statements:?}");
    let keys = cluster.psql(
        Database::Plain,
        &format!(
            "SELECT array_agg(DISTINCT customer_id), array_agg(order_id ORDER BY order_id)
         FROM orders WHERE order_id >= {ORDERS_MIDDLE} AND order_id < {ORDERS_MIDDLE} + {ORDERS_PAGE}"
        ),
    )?;
    let (customer_ids, order_ids) = keys.split_once('|').context("two arrays")?;
    let arrays = [("customer_ids", customer_ids), ("order_ids", order_ids)];
    let mut variables = arrays.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    // Rowcall sends the type of an array beside the text.
    let page = named(page, "first", "page_value", &mut variables);
    let customers = named(customers, "customer_ids::int4[]", "customers_value", &mut variables);
    let lines = named(lines, "order_ids::int4[]", "lines_value", &mut variables);
    let file = folder.join("orders.sql");
    // In two writes, as Rowcall sends them.
    let text = format!(
        "\\set first random({}, {})\n\\startpipeline\n{BEGIN}{page}\\endpipeline\n\\startpipeline\n{customers}{lines}COMMIT;\n\\endpipeline\n",
        ORDERS.start,
        ORDERS.end - 1
    );
    fs::write(&file, text)?;
    Ok(Script { file, variables })
}

/// As JSON writes the paths of a FieldMask: `order_id` is `orderId`.
fn camel(path: &str) -> String {
    let mut words = path.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

fn explain(
    programs: &Programs,
    cluster: &Cluster,
    method: &str,
    request: &str,
) -> anyhow::Result<Vec<Statement>> {
    let output = Command::new(&programs.rowcall)
        .args(["explain", "--database", &cluster.url(Database::Plain), "--contract"])
        .arg(&programs.contract)
        .args([method, request])
        .output()?;
    ensure!(output.status.success(), "rowcall explain: {}", String::from_utf8_lossy(&output.stderr));
    Ok(read(&String::from_utf8(output.stdout)?))
}

/// `-- purpose`, the statement, `--   $1 = value`, EXPLAIN; an empty line before each.
fn read(explanation: &str) -> Vec<Statement> {
    let parts = explanation.split("\n\n").skip(1);
    let statement = |part: &str| {
        let mut statement = Statement { purpose: String::new(), text: String::new(), values: Vec::new() };
        for line in part.lines() {
            match line.strip_prefix("-- ") {
                None => statement.text += &format!("{line}\n"),
                Some(said) if !said.starts_with(' ') => statement.purpose = said.to_owned(),
                Some(said) => {
                    let number = format!("${} = ", statement.values.len() + 1);
                    statement.values.extend(said.trim_start().strip_prefix(&number).map(str::to_owned));
                }
            }
        }
        statement
    };
    parts.map(statement).collect()
}

/// The first parameter is the random one; the others stay as they were, by names that begin with the prefix.
fn named(statement: &Statement, first: &str, prefix: &str, variables: &mut Vec<(String, String)>) -> String {
    let mut text = statement.text.clone();
    // From the last to the first, so that `$1` is not taken for the start of `$10`.
    for (at, value) in statement.values.iter().enumerate().rev() {
        let name = if at == 0 { first.to_owned() } else { format!("{prefix}_{}", at + 1) };
        text = text.replace(&format!("${}", at + 1), &format!(":{name}"));
        if at > 0 && !variables.iter().any(|(known, _)| *known == name) {
            variables.push((name, value.clone()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "-- load.v1.AccountService/ListAccounts
--   a page of Account

-- page
SELECT t.aid
FROM t
WHERE aid >= $1 LIMIT $2;
--   $1 = 7
--   $2 = 1001
--   Limit  (cost=0.43..45.35 rows=1001 width=101)
";

    #[test]
    fn statements_and_their_values_are_read() {
        let text = "SELECT t.aid\nFROM t\nWHERE aid >= $1 LIMIT $2;\n".to_owned();
        let values = vec!["7".to_owned(), "1001".to_owned()];
        assert_eq!(read(SAID), [Statement { purpose: "page".to_owned(), text, values }]);
    }

    #[test]
    fn parameters_become_variables_and_all_but_the_first_keep_their_value() {
        let mut variables = Vec::new();
        let text = named(&read(SAID)[0], "first", "page_value", &mut variables);
        assert_eq!(text, "SELECT t.aid\nFROM t\nWHERE aid >= :first LIMIT :page_value_2;\n");
        assert_eq!(variables, [("page_value_2".to_owned(), "1001".to_owned())]);
    }
}
