//! Postgres' text of a row → the proto JSON that a caller should see. None of our codecs takes part.

use serde_json::{Map, Value};
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::tables::Table;

/// How the text of columns becomes a field. NULL leaves every field out.
pub enum Form {
    /// Without presence: "" is left out.
    Text,
    Optional,
    /// As a number: 32 bits.
    Int,
    /// As a string: 64 bits.
    Long,
    Double,
    /// Each `{}` is a column's text.
    Pattern(&'static str),
    /// Milliseconds as a duration.
    Millis,
    Time,
}

/// The rows of a table, in an order.
pub async fn rows(client: &Client, table: &Table, order: &str) -> Vec<Value> {
    rows_where(client, table, "true", order).await
}

/// Some of them.
pub async fn rows_where(client: &Client, table: &Table, condition: &str, order: &str) -> Vec<Value> {
    let sql = format!("SELECT * FROM {} WHERE {condition} ORDER BY {order}", table.name);
    let answers = client.simple_query(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let rows = answers.iter().filter_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| object(row, table)).collect()
}

fn object(row: &SimpleQueryRow, table: &Table) -> Value {
    let mut object = Map::new();
    for (field, columns, form) in table.fields {
        let texts: Option<Vec<&str>> = columns.split(' ').map(|column| row.get(column)).collect();
        if let Some(value) = texts.and_then(|texts| form.value(&texts)) {
            object.insert(field.to_string(), value);
        }
    }
    Value::Object(object)
}

impl Form {
    fn value(&self, texts: &[&str]) -> Option<Value> {
        let text = texts[0];
        Some(match self {
            Form::Text if text.is_empty() => return None,
            Form::Text | Form::Optional | Form::Long => text.into(),
            Form::Int => text.parse::<i32>().expect("an integer").into(),
            Form::Double => text.parse::<f64>().expect("a number").into(),
            Form::Pattern(pattern) => {
                let filled =
                    texts.iter().fold(pattern.to_string(), |name, text| name.replacen("{}", text, 1));
                filled.into()
            }
            Form::Millis => {
                let millis = text.parse::<u64>().expect("milliseconds");
                match millis % 1000 {
                    0 => format!("{}s", millis / 1000).into(),
                    rest => format!("{}.{rest:03}s", millis / 1000).into(),
                }
            }
            Form::Time => format!("{}Z", text.replacen(' ', "T", 1)).into(),
        })
    }
}
