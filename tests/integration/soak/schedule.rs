//! A seed and a time → faults, one or two at once, each undone, with quiet in between.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use super::faults::Fault;
use super::{Plan, Soak};

/// Of quiet between faults.
const QUIET_MILLIS: std::ops::Range<u64> = 300..2_000;

/// Callers and writers alone, at first.
const BEFORE: Duration = Duration::from_secs(2);

/// Every fault once, in any order; then all of them again, for as long as asked.
pub async fn run(soak: &Arc<Soak>, plan: &Plan, dice: &mut StdRng) {
    let ends = Instant::now() + plan.duration;
    soak.pause(BEFORE).await;
    let mut left: Vec<Fault> = Vec::new();
    while Instant::now() < ends && !soak.tally.hopeless() {
        if plan.faults.is_empty() {
            soak.pause(Duration::from_millis(200)).await;
            continue;
        }
        if left.is_empty() {
            left.clone_from(&plan.faults);
            left.shuffle(dice);
        }
        let first = left.pop().expect("it was filled");
        let mut faults = vec![first];
        if dice.random_bool(0.6)
            && let Some(at) = left.iter().position(|other| !first.meets(*other))
        {
            faults.push(left.remove(at));
        }
        join_all(faults.into_iter().map(|fault| {
            let (after, seed) = (dice.random_range(0..500), dice.random());
            let soak = soak.clone();
            async move {
                soak.pause(Duration::from_millis(after)).await;
                soak.tally.struck(fault);
                soak.episodes.begin(fault);
                let begun = Instant::now();
                fault.strike(&soak, seed).await;
                soak.episodes.end(fault);
                eprintln!("soak: {fault:?}, {:?}", begun.elapsed());
            }
        }))
        .await;
        soak.pause(Duration::from_millis(dice.random_range(QUIET_MILLIS))).await;
    }
}
