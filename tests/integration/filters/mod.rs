//! AIP-160 filters, each beside the SQL condition that says the same: the same rows, in the same order.

mod chinook;
mod refused;
mod store;

use serde_json::{Value, json};
use tokio_postgres::SimpleQueryMessage;

use crate::support::{CHINOOK_CONTRACT, Client, Database, database, serve};

/// One filter of a List, and what it should come to.
struct Case {
    filter: &'static str,
    condition: &'static str,
    /// How many rows it should leave.
    rows: Rows,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    Some,
    None,
    All,
}

/// Some rows, and not all: what a case should leave unless it is about just that.
const fn case(filter: &'static str, condition: &'static str) -> Case {
    Case { filter, condition, rows: Rows::Some }
}

const fn none(filter: &'static str, condition: &'static str) -> Case {
    Case { filter, condition, rows: Rows::None }
}

const fn all(filter: &'static str, condition: &'static str) -> Case {
    Case { filter, condition, rows: Rows::All }
}

/// What a group of cases reads: the method, its rows, a row's name as SQL, and where it comes from.
struct Group {
    method: &'static str,
    rows: &'static str,
    parent: Option<&'static str>,
    name: &'static str,
    table: &'static str,
    key: &'static str,
    /// Another order: `order_by`, and `ORDER BY`.
    order: (&'static str, &'static str),
    cases: &'static [Case],
}

const STORE: &[&str] = &["shared:data/chinook/chinook.sql", "tests/contracts/chinook/functions.sql"];
const TYPES: &[&str] = &["tests/golden/store.sql", "tests/integration/filters/store_rows.sql"];

#[tokio::test]
async fn filters_find_what_sql_finds() {
    let database = database(STORE).await;
    let local = serve(CHINOOK_CONTRACT, &database.url, &[]).await;
    check_all(&local.client, &database, chinook::GROUPS).await;
}

#[tokio::test]
async fn filters_of_every_type_find_what_sql_finds() {
    let database = database(TYPES).await;
    let local = serve("tests/golden/store.proto", &database.url, &[]).await;
    check_all(&local.client, &database, store::GROUPS).await;
}

/// All cases are tried before the first that differs is told.
async fn check_all(client: &Client, database: &Database, groups: &[Group]) {
    let postgres = database.client().await;
    let mut wrong = Vec::new();
    for group in groups {
        let (order, sql) = group.order;
        for case in group.cases {
            for (order, sql) in [("", group.key), (order, sql)] {
                let said = listed(client, group, case.filter, order).await;
                let expected = selected(&postgres, group, case.condition, sql).await;
                if said.as_ref() != Ok(&expected) {
                    wrong.push(format!("{} by {order:?}:\n  {said:?}\n  {expected:?}", case.filter));
                }
                let all = selected(&postgres, group, "true", sql).await.len();
                let rows = match expected.len() {
                    0 => Rows::None,
                    some if some == all => Rows::All,
                    _ => Rows::Some,
                };
                if rows != case.rows {
                    let some = expected.len();
                    wrong.push(format!("{}: the condition leaves {some} of {all} rows", case.filter));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The names of all rows, page by page; or what the server refuses them with.
async fn listed(client: &Client, group: &Group, filter: &str, order: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut token = Value::String(String::new());
    loop {
        let mut request =
            json!({ "filter": filter, "order_by": order, "page_size": 1000, "page_token": token });
        if let Some(parent) = group.parent {
            request["parent"] = parent.into();
        }
        let metadata = [("rowcall-read-mask", "name")];
        let answer = client.call_with(group.method, request, &metadata).await;
        let mut page = answer.map_err(|failure| failure.message)?.json();
        let rows = page[group.rows].as_array().into_iter().flatten();
        names.extend(rows.map(|row| row["name"].as_str().unwrap_or_default().to_owned()));
        match page.get_mut("next_page_token") {
            None => return Ok(names),
            Some(next) => token = next.take(),
        }
    }
}

async fn selected(
    postgres: &tokio_postgres::Client,
    group: &Group,
    condition: &str,
    order: &str,
) -> Vec<String> {
    let Group { name, table, .. } = group;
    let sql = format!("SELECT {name} FROM {table} WHERE {condition} ORDER BY {order}");
    let answers = postgres.simple_query(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let rows = answers.iter().filter_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
        _ => None,
    });
    rows.collect()
}
