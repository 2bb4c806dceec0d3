//! Streams: quick and slow readers, those who leave, and those who go on where a failure left them.

use std::time::{Duration, Instant};

use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::changing::{BOOK_MASKS, books};
use super::chunks::{Next, Stream};
use super::items::Mask;
use super::terms::Terms;
use super::{Caller, TRIES_MAX};
use crate::torture::world::listing::Listing;
use crate::torture::world::shelves;

/// How a stream is read.
struct Reader {
    /// Before each chunk.
    pause: Duration,
    /// Behind the last one it goes.
    chunks_max: usize,
}

impl Caller {
    pub(super) async fn stream_items(&mut self) {
        let (listing, mask) = (Listing::draw(&mut self.dice), Mask::draw(&mut self.dice));
        let found: Vec<Value> = listing.found().iter().map(|item| item.json(mask.fields())).collect();
        let chunk_size = self.dice.random_range(20..500);
        let mut request = json!({
            "filter": listing.filter.text(), "order_by": listing.order.text(), "chunk_size": chunk_size,
        });
        mask.add_to(&mut request);
        let mut at = 0;
        self.follow("StreamItems", request, found.len(), |chunk| {
            let rows = chunk["items"].as_array().map(Vec::as_slice).unwrap_or_default();
            let expected = found.get(at..at + rows.len()).ok_or("more rows than there are")?;
            if rows != expected || rows.len() > chunk_size {
                return Err(format!("from row {at}: {}", Value::from(expected)));
            }
            at += rows.len();
            Ok(at)
        })
        .await;
    }

    pub(super) async fn stream_books(&mut self) {
        let (chunk_size, levels) = (self.dice.random_range(1..12), self.dice.random_range(0..=1));
        let request = json!({"chunk_size": chunk_size, "read_mask": BOOK_MASKS[levels]});
        let keys: Vec<i32> = shelves::books().collect();
        // Chunks are read ahead: they are no older than the stream, and each is of one moment.
        let (torture, mut at) = (self.torture.clone(), 0);
        let known = torture.world.shelves.known();
        self.follow("StreamBooks", request, keys.len(), |chunk| {
            let count = chunk["books"].as_array().map_or(0, Vec::len);
            let expected = keys.get(at..at + count).ok_or("more books than there are")?;
            books(&torture.world, &known, expected, &chunk["books"], levels)?;
            at += count;
            Ok(at)
        })
        .await;
    }

    /// Reads to the end, through failures; `check` answers how many rows have come in all.
    async fn follow(
        &mut self,
        method: &'static str,
        mut request: Value,
        rows: usize,
        mut check: impl FnMut(&Value) -> Result<usize, String>,
    ) {
        let reader = Reader::draw(&mut self.dice);
        let began = Instant::now();
        let (mut come, mut chunks) = (0, 0);
        for _ in 0..TRIES_MAX {
            let terms = Terms { leaves: None, since: Some(began), ..Terms::draw(&mut self.dice) };
            let Some(line) = self.line(method).await else { return };
            let torture = self.torture.clone();
            let mut stream = Stream::new(torture.clone(), line, method, request.clone(), terms);
            let failed = loop {
                let chunk = match stream.next().await {
                    Next::Chunk(chunk) => chunk,
                    Next::End => break false,
                    Next::Failed => break true,
                    Next::Over => return,
                };
                match check(&chunk) {
                    Ok(rows) => come = rows,
                    Err(why) => return torture.wrong(method, &request, why, &chunk.to_string()),
                }
                request["resume_token"] = chunk["resume_token"].clone();
                chunks += 1;
                if chunks >= reader.chunks_max {
                    return torture.tally.left();
                }
                sleep(reader.pause).await;
            };
            if !failed {
                return match come == rows {
                    true => torture.tally.right(),
                    false => torture.wrong(
                        method,
                        &request,
                        format!("{rows} rows"),
                        &format!("the end after {come}"),
                    ),
                };
            }
            if torture.stopped() {
                return;
            }
            self.pause().await;
        }
    }
}

impl Reader {
    fn draw(dice: &mut StdRng) -> Reader {
        let slow = dice.random_bool(0.3);
        let pause = if slow { dice.random_range(5..300) } else { 0 };
        let leaves = dice.random_bool(0.15);
        let chunks_max = if leaves { dice.random_range(1..4) } else { usize::MAX };
        Reader { pause: Duration::from_millis(pause), chunks_max }
    }
}
