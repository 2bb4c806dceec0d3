//! One caller of many: a call of any kind, in any way, and what is made of its answer; then the next.

mod ask;
mod changing;
mod chunks;
mod items;
mod streams;
mod terms;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tokio::time::sleep;

use super::Torture;
use super::lines::Line;
use ask::Asked;
use terms::Terms;

/// Between two calls, and before one is tried again.
const PAUSE_MAX_MILLIS: u64 = 100;

/// A page or a stream is tried again so often.
const TRIES_MAX: usize = 100;

pub struct Caller {
    torture: Arc<Torture>,
    dice: StdRng,
}

impl Caller {
    pub fn new(torture: Arc<Torture>, seed: u64) -> Caller {
        Caller { torture, dice: StdRng::seed_from_u64(seed) }
    }

    /// Until told to stop.
    pub async fn run(mut self) {
        while !self.torture.stopped() {
            match self.dice.random_range(0..100) {
                0..20 => self.get_item().await,
                20..26 => self.burst().await,
                26..34 => self.batch_items().await,
                34..46 => self.walk_items().await,
                46..56 => self.stream_items().await,
                56..60 => self.sum_items().await,
                60..70 => self.get_shelf().await,
                70..76 => self.list_books().await,
                76..80 => self.batch_books().await,
                80..84 => self.stream_books().await,
                84..90 => self.ships().await,
                90..94 => self.seen_makers().await,
                94..97 => self.nap().await,
                _ => self.leave().await,
            }
            self.pause().await;
        }
    }

    async fn pause(&mut self) {
        sleep(Duration::from_millis(self.dice.random_range(0..PAUSE_MAX_MILLIS))).await;
    }

    /// On any connection, in any way.
    async fn ask(&mut self, method: &str, request: &Value) -> Asked {
        self.ask_since(None, method, request).await
    }

    async fn ask_since(&mut self, since: Option<Instant>, method: &str, request: &Value) -> Asked {
        let terms = Terms { since, ..Terms::draw(&mut self.dice) };
        match self.line(method).await {
            Some(line) => self.torture.ask(&line, method, request, terms).await,
            None => Asked::Nothing,
        }
    }

    async fn line(&mut self, method: &str) -> Option<Line> {
        match self.torture.lines.any(&mut self.dice).await {
            Ok(line) => Some(line),
            Err(why) => {
                self.torture.tally.wrong(format!("{method}: {why}"));
                None
            }
        }
    }

    /// The answer is this and nothing else.
    async fn exactly(&mut self, method: &str, request: &Value, expected: Value) {
        let asked = self.ask(method, request).await;
        self.torture.compare(method, request, asked, expected);
    }
}
