//! Callers at a steady rate that know every answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::PATIENCE;
use crate::support::Client;

pub const CALLERS: usize = 8;
/// Between two calls of one caller.
const PACE: Duration = Duration::from_millis(10);
/// Rows of the table `thing`.
const THINGS: usize = 2000;
/// So many answers in a row, and no error among them, are steady.
const STEADY: usize = 100;

pub struct Load {
    calls: watch::Sender<Vec<Seen>>,
    callers: JoinSet<()>,
}

/// A call that has ended.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: &'static str,
    pub begun: Instant,
    pub ended: Instant,
    /// The reason when it failed.
    pub failed: Option<String>,
}

impl Load {
    pub fn start(client: &Client) -> Load {
        let calls = watch::Sender::new(Vec::new());
        let mut callers = JoinSet::new();
        let number = Arc::new(Mutex::new(0));
        for _ in 0..CALLERS {
            callers.spawn(call(client.clone(), calls.clone(), number.clone()));
        }
        Load { calls, callers }
    }

    /// Waits for so many more.
    pub async fn successes(&self, count: usize) {
        let from = Instant::now();
        let enough = |calls: &Vec<Seen>| {
            calls.iter().filter(|seen| seen.begun >= from && seen.failed.is_none()).count() >= count
        };
        self.wait(enough).await;
    }

    /// Waits for a first failure after `from`.
    pub async fn fails(&self, from: Instant) {
        self.failures(from, 1).await;
    }

    /// Waits for so many failures after `from`.
    pub async fn failures(&self, from: Instant, count: usize) {
        let failed = |seen: &&Seen| seen.ended >= from && seen.failed.is_some();
        self.wait(|calls| calls.iter().rev().filter(failed).count() >= count).await;
    }

    /// Waits for a first failure of this reason after `from`.
    pub async fn fails_by(&self, from: Instant, reason: &str) {
        let failed = |seen: &Seen| seen.ended >= from && seen.failed.as_deref() == Some(reason);
        self.wait(|calls| calls.iter().rev().any(failed)).await;
    }

    /// Waits for answers without an error among them; when the first of them came.
    pub async fn steady_since(&self, from: Instant) -> Instant {
        let mut found = from;
        let steady = |calls: &Vec<Seen>| {
            let mut run: Vec<&Seen> = Vec::new();
            let mut after: Vec<&Seen> = calls.iter().filter(|seen| seen.ended >= from).collect();
            after.sort_by_key(|seen| seen.ended);
            for seen in after {
                match seen.failed {
                    None => run.push(seen),
                    Some(_) => run.clear(),
                }
            }
            found = run.first().map_or(from, |first| first.ended);
            run.len() >= STEADY
        };
        self.wait(steady).await;
        found
    }

    async fn wait(&self, enough: impl FnMut(&Vec<Seen>) -> bool) {
        let mut calls = self.calls.subscribe();
        let waited = tokio::time::timeout(PATIENCE, calls.wait_for(enough)).await;
        assert!(waited.is_ok(), "never so:\n{}", self.told(Instant::now() - PATIENCE));
    }

    /// Every error since then is one of these.
    #[track_caller]
    pub fn allowed(&self, from: Instant, reasons: &[&str]) {
        for seen in self.since(from) {
            let Some(reason) = seen.failed else { continue };
            assert!(reasons.contains(&reason.as_str()), "{reason} is none of {reasons:?}");
        }
    }

    /// No call of this method failed since then.
    #[track_caller]
    pub fn unaffected(&self, from: Instant, method: &str) {
        let failed = |seen: &Seen| seen.method == method && seen.failed.is_some();
        assert!(!self.since(from).iter().any(failed), "{method} failed, too: {}", self.told(from));
    }

    /// The calls that ended since then.
    pub fn since(&self, from: Instant) -> Vec<Seen> {
        self.calls.borrow().iter().filter(|seen| seen.ended >= from).cloned().collect()
    }

    /// The time that nine of ten calls of those that began between did not pass. Where the machine stops for a while, all callers
    /// have a call that is slow: those are more than one in a hundred.
    pub fn p90(&self, from: Instant, to: Instant) -> Duration {
        let calls = self.since(from);
        let between = calls.iter().filter(|seen| seen.begun < to);
        let mut times: Vec<Duration> = between.map(|seen| seen.ended - seen.begun).collect();
        times.sort();
        times[times.len() * 9 / 10]
    }

    /// How calls ended since then, by reason, for the text of a failed test.
    pub fn told(&self, from: Instant) -> String {
        let mut counts: BTreeMap<String, (usize, Duration)> = BTreeMap::new();
        for seen in self.since(from) {
            let count = counts.entry(seen.failed.unwrap_or_else(|| "answered".to_owned())).or_default();
            *count = (count.0 + 1, count.1.max(seen.ended - seen.begun));
        }
        format!("{counts:?}")
    }

    /// No further calls; a wrong answer to any of them fails the test.
    pub async fn end(mut self) {
        self.callers.abort_all();
        while let Some(ended) = self.callers.join_next().await {
            if let Err(error) = ended {
                assert!(!error.is_panic(), "a wrong answer: {error:?}");
            }
        }
    }
}

async fn call(client: Client, calls: watch::Sender<Vec<Seen>>, number: Arc<Mutex<usize>>) {
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        let at = {
            let mut number = number.lock().expect("nobody panics with it");
            *number += 1;
            *number
        };
        let (method, request, expected) = question(at);
        let begun = Instant::now();
        let answered = client.call_with(method, request, &[("grpc-timeout", "10S")]).await;
        let ended = Instant::now();
        let failed = match answered {
            Ok(answer) => {
                assert_eq!(answer.json(), expected, "a wrong answer of {method}");
                None
            }
            Err(failure) => {
                Some(failure.reason).filter(|reason| !reason.is_empty()).or(Some(failure.message))
            }
        };
        calls.send_modify(|calls| calls.push(Seen { method, begun, ended, failed }));
    }
}

/// The n-th call, and its answer.
fn question(n: usize) -> (&'static str, Value, Value) {
    let id = n % THINGS + 1;
    let name = format!("things/{id}");
    let thing = json!({"name": name, "title": format!("thing {id}")});
    let mask = "name,title";
    match n % 4 {
        0 => {
            let request = json!({"names": [name], "read_mask": mask});
            ("BatchGetThings", request, json!({"things": [thing]}))
        }
        1 => ("GetPart", json!({"name": "things/1/parts/1"}), {
            json!({"name": "things/1/parts/1", "title": "lid"})
        }),
        _ => ("GetThing", json!({"name": name, "read_mask": mask}), thing),
    }
}
