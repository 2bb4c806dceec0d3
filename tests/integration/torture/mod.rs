//! Faults and load together, for as long as asked, beside a checker that knows every answer.
//!
//! `callers` call Rowcall in every way there is: over connections that are shared, cut, compressed and
//! told to go, with deadlines that pass, and leaving in the middle. A `writer` changes some of what they
//! read. `schedule` draws faults from a seed: some at once, each undone, and then everything must be
//! back. Between Rowcall and Postgres is a proxy, whose path is one of the things that fail.
//!
//! ```text
//! callers ──► Rowcall, a process of its own ──► proxy ──► Postgres ◄── writer
//!    │                     ▲                      ▲           ▲
//!    ▼                     └─────── schedule: episodes of faults
//! checker: world (what must be answered), failures (what may fail, and why)
//! ```
//!
//! An answer is wrong when
//! - it is not what `world` computes from the request: another row, column, order, page or total; two
//!   moments in one call; older than what was written before the call began;
//! - it is a failure whose reason no fault under way explains, or that is on no list; a deadline that
//!   had not passed; a call that ends long after its deadline, or never;
//! - Rowcall ends, panics, holds too much, or is not back in time after Postgres is.
//!
//! A seed draws the same faults again, and the same calls of every caller; the moments differ.

mod calls;
mod episodes;
mod failures;
mod faults;
mod lines;
mod process;
mod run;
mod schedule;
mod tally;
mod world;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use episodes::Episodes;
use lines::Lines;
use tally::Tally;
use world::World;

/// What is asked for.
struct Plan {
    seed: u64,
    /// Every fault comes at least once, however short this is.
    duration: Duration,
    callers: u64,
    /// The longest a fault lasts, but for some that last twice as long, and the longest quiet between.
    pace: Duration,
    /// From Postgres' first answer to the first calls that Rowcall answers.
    recovery_max: Duration,
}

/// What callers share.
struct Torture {
    world: Arc<World>,
    lines: Lines,
    episodes: Episodes,
    tally: Tally,
    stop: watch::Receiver<bool>,
}

impl Torture {
    fn stopped(&self) -> bool {
        *self.stop.borrow() || self.tally.hopeless()
    }
}

/// Beside other tests, on a machine that may be busy with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_once_and_no_wrong_answer() {
    let (pace, recovery_max) = (Duration::from_millis(300), Duration::from_secs(20));
    run::run(Plan { seed: 4, duration: Duration::ZERO, callers: 6, pace, recovery_max }).await;
}

/// `make torture DURATION=5m SEED=7`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs for as long as ROWCALL_TORTURE says"]
async fn no_wrong_answer_for_as_long_as_asked() {
    let said = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let duration = said("ROWCALL_TORTURE").unwrap_or("5m".to_owned());
    let duration: jiff::SignedDuration = duration.parse().expect("ROWCALL_TORTURE is a time, such as 5m");
    let seed = said("ROWCALL_TORTURE_SEED").map(|text| text.parse().expect("a seed is a number"));
    let plan = Plan {
        seed: seed.unwrap_or_else(rand::random),
        duration: duration.try_into().expect("a time is not negative"),
        callers: 24,
        pace: Duration::from_millis(1_600),
        recovery_max: Duration::from_secs(2),
    };
    run::run(plan).await;
}
