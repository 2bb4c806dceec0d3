//! One table by one way: List, Stream, Get, BatchGet.

use futures_util::stream::{self, StreamExt as _};
use serde_json::{Map, Value, json};
use tokio_postgres::Client as Postgres;

use super::expected;
use super::tables::{Naming, Table};
use crate::support::{Client, json as to_json};

/// Tables up to so many rows are walked by pages of one row, too, and by seven.
const ONE_MAX: usize = 500;
const SEVEN_MAX: usize = 4_000;
const AT_ONCE: usize = 16;

/// By pages of several sizes, in all orders; answers the table's rows.
pub async fn list(client: &Client, postgres: &Postgres, table: &Table) -> usize {
    let mut rows = 0;
    for (order, sql) in table.orders {
        let expected = expected::rows(postgres, table, sql).await;
        rows = expected.len();
        for size in [1, 7, 97, 1000] {
            if (size == 1 && rows > ONE_MAX) || (size == 7 && rows > SEVEN_MAX) {
                continue;
            }
            let said = pages(client, table, order, size).await;
            same(&said, &expected, &format!("List{} by {order:?} and {size}", table.many));
        }
    }
    rows
}

async fn pages(client: &Client, table: &Table, order: &str, size: usize) -> Vec<Value> {
    let method = format!("List{}", table.many);
    let mut all = Vec::new();
    let mut token = Value::String(String::new());
    loop {
        let mut request = json!({ "page_size": size, "order_by": order, "page_token": token });
        parent(&mut request, table);
        let answer = client.call(&method, request).await.expect("a page");
        let mut page = answer.json();
        let rows = take(&mut page, table);
        assert!(rows.len() <= size, "{} rows on a page of {size}", rows.len());
        all.extend(rows);
        match page.get_mut("next_page_token") {
            None => return all,
            Some(next) => token = next.take(),
        }
        assert!(!all.is_empty(), "an empty page that is not the last");
    }
}

/// In all orders; each stream is given up after its second chunk, and another goes on.
pub async fn stream(client: &Client, postgres: &Postgres, table: &Table) {
    for (order, sql) in table.orders {
        let expected = expected::rows(postgres, table, sql).await;
        let size = (expected.len() / 5).clamp(1, 997);
        let (mut said, token) = chunks(client, table, order, size, None, 2).await;
        if said.len() < expected.len() {
            assert_eq!(said.len(), 2 * size, "chunks of Stream{} by {order:?}", table.many);
            let (rest, _) = chunks(client, table, order, size, Some(token), usize::MAX).await;
            said.extend(rest);
        }
        same(&said, &expected, &format!("Stream{} by {order:?}", table.many));
    }
}

/// At most so many chunks from a token on, and the last one's token.
async fn chunks(
    client: &Client,
    table: &Table,
    order: &str,
    size: usize,
    token: Option<String>,
    chunks_max: usize,
) -> (Vec<Value>, String) {
    let method = format!("Stream{}", table.many);
    let mut last = token.unwrap_or_default();
    let mut request = json!({ "chunk_size": size, "order_by": order, "resume_token": last });
    parent(&mut request, table);
    let mut stream = client.stream(&method, request).await.expect("a stream");
    let mut all = Vec::new();
    for _ in 0..chunks_max {
        let Some(chunk) = stream.next().await.expect("a chunk") else { break };
        let mut chunk = to_json(&chunk);
        all.extend(take(&mut chunk, table));
        last = chunk["resume_token"].as_str().expect("every chunk has a token").to_owned();
    }
    (all, last)
}

/// Every row alone.
pub async fn get(client: &Client, postgres: &Postgres, table: &Table) {
    let method = &format!("Get{}", table.one);
    let expected = expected::rows(postgres, table, table.orders[0].1).await;
    let calls = stream::iter(&expected).map(|row| async move {
        let answer = client.call(method, named(row, table)).await.expect("a row");
        assert_eq!(answer.json(), *row, "{method}");
    });
    calls.buffer_unordered(AT_ONCE).for_each(|()| async {}).await;
}

/// A thousand at once, backwards, and one of them twice.
pub async fn batch_get(client: &Client, postgres: &Postgres, table: &Table) {
    let method = &format!("BatchGet{}", table.many);
    let mut expected = expected::rows(postgres, table, table.orders[0].1).await;
    expected.reverse();
    for batch in expected.chunks(999) {
        let mut batch = batch.to_vec();
        batch.push(batch[0].clone());
        let names: Vec<Value> = batch.iter().map(|row| named(row, table)).collect();
        let request = match table.naming {
            Naming::Name => json!({ "names": names.iter().map(|name| &name["name"]).collect::<Vec<_>>() }),
            Naming::Keys(_) => json!({ "requests": names }),
        };
        let mut answer = client.call(method, request).await.expect("rows").json();
        same(&take(&mut answer, table), &batch, method);
    }
}

/// The request that names a row.
fn named(row: &Value, table: &Table) -> Value {
    let fields: &[&str] = match table.naming {
        Naming::Name => &["name"],
        Naming::Keys(fields) => fields,
    };
    let name: Map<_, _> = fields.iter().map(|field| (field.to_string(), row[*field].clone())).collect();
    Value::Object(name)
}

fn parent(request: &mut Value, table: &Table) {
    if let Some(parent) = table.parent {
        request["parent"] = parent.into();
    }
}

fn take(answer: &mut Value, table: &Table) -> Vec<Value> {
    match answer.get_mut(table.rows).map(Value::take) {
        Some(Value::Array(rows)) => rows,
        _ => Vec::new(),
    }
}

/// Says where they part, rather than all of them.
pub fn same(said: &[Value], expected: &[Value], what: &str) {
    for (at, (said, expected)) in said.iter().zip(expected).enumerate() {
        assert_eq!(said, expected, "{what}: row {at}");
    }
    assert_eq!(said.len(), expected.len(), "{what}");
}
