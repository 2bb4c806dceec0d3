//! Writers of all kinds, readers of two instances, and faults, beside a checker of what no reader may be shown.
//!
//! ```text
//! writers ──► primary ──streams──► standby          schedule: faults of everything, drawn from a seed
//!    │           ▲  ▲                 ▲
//!    │           │  └───── feeds ─────┼──┐
//!    │       instance 1 ◄── Redis ──► instance 2
//!    │           ▲                       ▲
//!    ▼           └──────── callers ──────┘
//! world: every state of every row, and when its commit was sent and acknowledged ──► judge ◄── answers
//! ```
//!
//! Every transaction writes its number into all rows that it writes, and into a mark for each group of rows, by which
//! is known later what became of a transaction whose end nobody heard of. `judge` has the law. Answers may fail while
//! faults are under way, with a reason that faults have; they may never be stale, torn or of the past.
//!
//! A seed draws the same faults and the same kinds of calls and writes again; the moments differ.

mod callers;
mod episodes;
mod faults;
mod judge;
mod judging;
mod long;
mod run;
mod schedule;
mod site;
mod tally;
mod world;
mod writers;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use episodes::Episodes;
use judging::Answers;
use site::Site;
use tally::Tally;
use world::World;

/// What is asked for.
struct Plan {
    seed: u64,
    duration: Duration,
    /// Every one of them comes once before any comes again.
    faults: Vec<faults::Fault>,
    callers: usize,
    writers: usize,
}

/// What callers, writers and faults share.
struct Soak {
    world: World,
    site: Site,
    episodes: Episodes,
    answers: Answers,
    tally: Tally,
    stop: watch::Receiver<bool>,
}

impl Soak {
    fn stopped(&self) -> bool {
        *self.stop.borrow() || self.tally.hopeless()
    }

    /// Sleeps, but not longer than it goes on.
    async fn pause(&self, time: Duration) {
        let mut stop = self.stop.clone();
        let _ = tokio::time::timeout(time, stop.wait_for(|stopped| *stopped)).await;
    }
}

/// `make soak DURATION=20m SEED=7`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs for as long as ROWCALL_SOAK says"]
async fn no_reader_is_shown_what_it_should_not_see_any_more() {
    let said = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let duration = said("ROWCALL_SOAK").unwrap_or("1m".to_owned());
    let duration: jiff::SignedDuration = duration.parse().expect("ROWCALL_SOAK is a time, such as 1m");
    let seed = said("ROWCALL_SOAK_SEED").map(|text| text.parse().expect("a seed is a number"));
    let only = said("ROWCALL_SOAK_FAULTS");
    let chosen = |fault: &faults::Fault| {
        only.as_ref().is_none_or(|only| only.split(',').any(|name| name == format!("{fault:?}")))
    };
    let plan = Plan {
        seed: seed.unwrap_or_else(rand::random),
        duration: duration.try_into().expect("a time is not negative"),
        faults: faults::Fault::ALL.iter().copied().filter(chosen).collect(),
        callers: 10,
        writers: 5,
    };
    run::run(Arc::new(plan)).await;
}
