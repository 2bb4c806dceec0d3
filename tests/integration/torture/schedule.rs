//! A seed and a time → episodes of faults, and after each the proof that everything is back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::faults::Fault;
use super::faults::site::Site;
use super::lines::Line;
use super::{Plan, Torture};
use crate::support::Failure;

/// Faults of one episode at most.
const FAULTS_MAX: usize = 4;

/// Between two tries of whether Rowcall is back.
const PROBE_PAUSE: Duration = Duration::from_millis(25);

/// Before a try is given up.
const PROBE_MAX: Duration = Duration::from_secs(10);

/// So many tries are told of when there were too many.
const TRIES_TOLD: usize = 5;

/// Every fault once, in any order; then any of them, for as long as asked.
pub async fn run(torture: &Arc<Torture>, site: &Arc<Site>, plan: &Plan) {
    let mut dice = StdRng::seed_from_u64(plan.seed);
    let mut first = Fault::ALL.to_vec();
    first.shuffle(&mut dice);
    let ends = Instant::now() + plan.duration;
    while (Instant::now() < ends || !first.is_empty()) && !torture.tally.hopeless() {
        sleep(dice.random_range(plan.pace / 5..plan.pace)).await;
        let count = dice.random_range(1..=FAULTS_MAX);
        let faults: Vec<Fault> = match first.is_empty() {
            false => first.split_off(first.len().saturating_sub(FAULTS_MAX)),
            true => {
                let mut any = Fault::ALL.to_vec();
                any.shuffle(&mut dice);
                any.split_off(any.len() - count)
            }
        };
        episode(torture, site, &faults, &mut dice, plan).await;
    }
}

async fn episode(torture: &Arc<Torture>, site: &Arc<Site>, faults: &[Fault], dice: &mut StdRng, plan: &Plan) {
    let pace = plan.pace;
    torture.episodes.begin(faults);
    join_all(faults.iter().map(|&fault| {
        torture.tally.struck(fault);
        let after = dice.random_range(Duration::ZERO..pace / 2);
        let mut own = StdRng::seed_from_u64(dice.random());
        async move {
            sleep(after).await;
            fault.strike(site, pace, &mut own).await;
        }
    }))
    .await;
    site.until_up().await;
    if let Err(why) = recover(torture, plan.recovery_max).await {
        torture.tally.wrong(format!("not back after {faults:?}: {why}"));
    }
    torture.episodes.end();
    if let Some(panic) = site.served.log().lines().find(|line| line.contains("panicked")) {
        torture.tally.wrong(format!("Rowcall's log has a panic: {panic}"));
    }
}

/// Until all is well. What counts is when calls begin that are answered: how long they take is the
/// machine's affair.
async fn recover(torture: &Torture, recovery_max: Duration) -> Result<(), String> {
    let up = Instant::now();
    let mut failed = Vec::new();
    loop {
        let after = up.elapsed();
        match timeout(PROBE_MAX, probe(torture)).await {
            Ok(Ok(())) => {
                torture.tally.recovered(after);
                return Ok(());
            }
            Ok(Err(why)) => failed.push(format!("{why}, asked after {after:?}")),
            Err(_) => failed.push(format!("no answer, asked after {after:?}")),
        }
        if after > recovery_max {
            return Err(failed.split_off(failed.len().saturating_sub(TRIES_TOLD)).join("; "));
        }
        sleep(PROBE_PAUSE).await;
    }
}

/// One call of every kind, on a connection of its own.
async fn probe(torture: &Torture) -> Result<(), String> {
    let Line { client, .. } = torture.lines.open(None).await?;
    for (method, request) in [
        ("GetItem", json!({"item_id": 1})),
        ("ListItems", json!({"filter": "rank > 3", "read_mask": "item_id,note,maker"})),
        ("SumItems", json!({"low": 1, "high": 9})),
        ("GetShelf", json!({"shelf_id": 1, "read_mask": "books,books.entries"})),
        ("GetShip", json!({"ship_id": 1})),
        ("GetSeenMaker", json!({"maker_id": 1})),
        ("Nap", json!({"milliseconds": 1})),
    ] {
        let failed = |failure: Failure| format!("{method}: {} {}", failure.reason, failure.message);
        client.call(method, request).await.map_err(failed)?;
    }
    Ok(())
}
