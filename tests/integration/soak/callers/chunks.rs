//! A stream → its messages, each of one snapshot, which together say of every row whether it is there.

use std::time::Instant;

use serde_json::Value;

use super::Terms;
use super::questions::{self, Question, With};
use crate::soak::Soak;
use crate::soak::judge::Answer;
use crate::soak::world::history::Shown;
use crate::soak::world::tables::{Cell, Table};
use crate::support::{Client, Failure, json};

/// What came of a stream.
pub struct Chunks {
    table: Table,
    /// The last row's key.
    last: i32,
    came: Vec<(Instant, Vec<(Cell, Shown)>)>,
}

impl Chunks {
    pub fn new(table: Table) -> Chunks {
        Chunks { table, last: 0, came: Vec::new() }
    }

    /// To its end.
    pub async fn read(
        &mut self,
        client: &Client,
        asked: &Question,
        terms: &Terms,
    ) -> Result<String, Failure> {
        let metadata = terms.metadata();
        let mut stream = client.stream_with(&asked.method, asked.request.clone(), &metadata).await?;
        let mut held: Option<(Instant, Value)> = None;
        while let Some(message) = stream.next().await? {
            let next = (Instant::now(), json(&message));
            if let Some((when, message)) = held.replace(next) {
                let rows = message["rows"].as_array();
                let last = rows.and_then(|rows| rows.last()).map_or(self.last, questions::id);
                self.take(when, &message, last);
            }
        }
        // Only the last one tells that nothing comes behind it.
        if let Some((when, message)) = held {
            self.take(when, &message, *self.table.ids().end());
        }
        let trailers = stream.trailers().await;
        let cache = trailers.get("rowcall-cache").and_then(|value| value.to_str().ok());
        Ok(cache.unwrap_or("nothing").to_owned())
    }

    fn take(&mut self, when: Instant, message: &Value, last: i32) {
        let rows = message["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
        let cells = self.table.cells().filter(|cell| cell.id > self.last && cell.id <= last);
        self.came.push((when, questions::all(cells, None, rows, With::Themselves)));
        self.last = last;
    }

    pub fn answers(self, soak: &Soak, asked: &Question, terms: &Terms, cache: &str) -> Vec<Answer> {
        let answer =
            |(answered, shown)| Answer { answered, ..terms.answer(soak, asked, cache.to_owned(), shown) };
        self.came.into_iter().map(answer).collect()
    }
}
