//! One caller of many: any question, to any instance, as fresh as it likes; what came goes to the judge.

mod chunks;
mod lines;
mod questions;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::timeout;
use tonic::Code;

use super::Soak;
use super::judge::{Answer, LAG_MAX};
use super::site::INSTANCES;
use super::world::history::Shown;
use super::world::tables::{Cell, Table};
use crate::support::{Client, Failure};
use chunks::Chunks;
use lines::Lines;
use questions::{About, Question};

/// Between two calls of one caller.
const PAUSE_MILLIS: std::ops::Range<u64> = 5..70;

/// What a call is given, and when it is given up: later than anything that is stopped for a while.
const DEADLINE: &str = "6S";
const PATIENCE: Duration = Duration::from_secs(12);

/// A token is used for so long: what it stands for is not remembered for ever.
const TOKEN_AGE_MAX: Duration = Duration::from_secs(20);

/// Before an instance that takes no connection is tried again.
const AGAIN: Duration = Duration::from_millis(50);

pub struct Caller {
    soak: Arc<Soak>,
    dice: StdRng,
    lines: Lines,
    token: Option<Token>,
}

/// What came with an earlier answer, and what that showed.
#[derive(Clone)]
struct Token {
    text: String,
    rows: Arc<Vec<(Cell, u64)>>,
    since: Instant,
}

/// How a question is put.
#[derive(Clone)]
struct Terms {
    at: usize,
    lag: Duration,
    cache_control: Option<&'static str>,
    token: Option<Token>,
    asked: Instant,
}

impl Caller {
    pub async fn new(soak: Arc<Soak>, seed: u64) -> Caller {
        let lines = Lines::new(soak.site.instances[0].address).await;
        Caller { soak, dice: StdRng::seed_from_u64(seed), lines, token: None }
    }

    /// Until told to stop.
    pub async fn run(mut self) {
        let soak = self.soak.clone();
        while !soak.stopped() {
            self.call().await;
            soak.pause(Duration::from_millis(self.dice.random_range(PAUSE_MILLIS))).await;
        }
    }

    async fn call(&mut self) {
        let question = Question::draw(&mut self.dice);
        let at = self.dice.random_range(0..INSTANCES);
        let begun = Instant::now();
        let Some(client) = self.lines.to(at, self.soak.site.instances[at].address).await else {
            self.failed(&question, "", "it takes no connection", begun);
            return self.soak.pause(AGAIN).await;
        };
        let terms = self.terms(at);
        match question.about {
            About::Chunks(table) => self.stream(&client, &question, &terms, table).await,
            _ => self.ask(&client, &question, terms).await,
        }
    }

    async fn stream(&mut self, client: &Client, question: &Question, terms: &Terms, table: Table) {
        let mut chunks = Chunks::new(table);
        let cache = match timeout(PATIENCE, chunks.read(client, question, terms)).await {
            Ok(Ok(cache)) => cache,
            Ok(Err(failure)) => {
                self.failure(question, terms, &failure);
                "(cut)".to_owned()
            }
            Err(_) => {
                self.nothing(question, terms);
                "(cut)".to_owned()
            }
        };
        for answer in chunks.answers(&self.soak, question, terms, &cache) {
            self.soak.answers.put(answer);
        }
    }

    fn terms(&mut self, at: usize) -> Terms {
        let young = self.token.take_if(|token| token.since.elapsed() > TOKEN_AGE_MAX).is_none();
        let token = self.token.clone().filter(|_| young && self.dice.random_bool(0.4));
        let (cache_control, lag) = match self.dice.random_range(0..100) {
            0..4 => (Some("no-cache"), Duration::ZERO),
            4..7 => (Some("max-age=0"), Duration::ZERO),
            7..12 => (Some("max-age=5"), LAG_MAX),
            _ => (None, LAG_MAX),
        };
        Terms { at, lag, cache_control, token, asked: Instant::now() }
    }

    async fn ask(&mut self, client: &Client, question: &Question, mut terms: Terms) {
        terms.asked = Instant::now();
        let metadata = terms.metadata();
        let called = client.call_with(&question.method, question.request.clone(), &metadata);
        let called = timeout(PATIENCE, called).await;
        match called {
            Ok(Ok(came)) => {
                let shown = question.about.rows(&came.json(), question.with);
                let token = came.said("rowcall-token").map(str::to_owned);
                if let (Some(text), true) = (token, self.dice.random_bool(0.5)) {
                    let row = |(cell, shown): &(Cell, Shown)| match shown {
                        Shown::Row { version, .. } => Some((*cell, *version)),
                        Shown::Not(_) => None,
                    };
                    let rows = Arc::new(shown.iter().filter_map(row).collect());
                    self.token = Some(Token { text, rows, since: terms.asked });
                }
                let cache = came.said("rowcall-cache").unwrap_or("nothing").to_owned();
                self.soak.answers.put(terms.answer(&self.soak, question, cache, shown));
            }
            Ok(Err(failure)) if failure.code == Code::NotFound && failure.reason == "ROW_MISSING" => {
                let cache = failure.status.metadata().get("rowcall-cache");
                let cache = cache.and_then(|value| value.to_str().ok()).unwrap_or("not found").to_owned();
                let shown = question.about.none();
                let some = shown.len() > 1;
                let answer = terms.answer(&self.soak, question, cache, shown);
                self.soak.answers.put(Answer { some, ..answer });
            }
            Ok(Err(failure)) => self.failure(question, &terms, &failure),
            Err(_) => self.nothing(question, &terms),
        }
    }

    fn nothing(&mut self, question: &Question, terms: &Terms) {
        self.lines.drop(terms.at);
        self.failed(question, "", "it does not answer", terms.asked);
    }

    fn failure(&mut self, question: &Question, terms: &Terms, failure: &Failure) {
        let since = match (&terms.token, failure.reason.as_str()) {
            // Its life may have ended at any time since.
            (Some(token), "TOKEN_INVALID") => token.since,
            _ => terms.asked,
        };
        if failure.reason == "TOKEN_INVALID" {
            self.token = None;
        }
        let Failure { code, reason, message, .. } = failure;
        self.failed(question, reason, &format!("{code:?} {message} from {}", terms.at), since);
    }

    fn failed(&self, question: &Question, reason: &str, what: &str, since: Instant) {
        let faults = self.soak.episodes.since(since);
        if faults.iter().any(|fault| fault.explains(reason)) {
            return self.soak.tally.failed(if reason.is_empty() { "(no answer)" } else { reason });
        }
        let Question { method, request, .. } = question;
        self.soak.tally.violated(format!(
            "{method} {request}\n  nothing explains {reason:?}: {what}, after {:?}; {}",
            since.elapsed(),
            self.soak.episodes.told(since)
        ));
    }
}

impl Terms {
    fn metadata(&self) -> Vec<(&'static str, &str)> {
        let mut metadata = vec![("grpc-timeout", DEADLINE)];
        metadata.extend(self.cache_control.map(|text| ("cache-control", text)));
        metadata.extend(self.token.as_ref().map(|token| ("rowcall-token", token.text.as_str())));
        metadata
    }

    fn answer(&self, soak: &Soak, question: &Question, cache: String, shown: Vec<(Cell, Shown)>) -> Answer {
        let told = soak.episodes.told(self.asked - LAG_MAX);
        let said = self.cache_control.unwrap_or("no wish");
        Answer {
            method: question.method.clone(),
            request: question.request.to_string(),
            about: format!("instance {}, {said}, {told}", self.at),
            cache,
            asked: self.asked,
            answered: Instant::now(),
            lag: self.lag,
            after: self.token.as_ref().map(|token| token.rows.clone()),
            shown,
            some: false,
        }
    }
}
