//! A plan → a site with its writers and callers, faults, and what the checker has to say at the end.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::callers::Caller;
use super::site::{Site, blocking};
use super::tally::Tally;
use super::world::World;
use super::writers::{Writer, fed};
use super::{Plan, Soak, judging, schedule};

pub async fn run(plan: Arc<Plan>) {
    eprintln!("soak: seed {}, {:?}", plan.seed, plan.duration);
    let (stop, stopped) = watch::channel(false);
    let soak = Arc::new(Soak {
        world: World::new(),
        site: blocking(Site::start).await,
        episodes: Default::default(),
        answers: Default::default(),
        tally: Tally::default(),
        stop: stopped,
    });
    fed::subscribe(&soak).await;
    let begun = Instant::now();
    let mut dice = StdRng::seed_from_u64(plan.seed);
    let judge = tokio::spawn(judging::judge(soak.clone()));
    let mut work: Vec<JoinHandle<()>> = Vec::new();
    for _ in 0..plan.callers {
        work.push(tokio::spawn(Caller::new(soak.clone(), dice.random()).await.run()));
    }
    for _ in 0..plan.writers {
        work.push(tokio::spawn(Writer::new(soak.clone(), dice.random()).run()));
    }
    work.push(tokio::spawn(fed::write(soak.clone(), dice.random())));
    work.push(tokio::spawn(fed::watch(soak.clone())));

    schedule::run(&soak, &plan, &mut dice).await;
    stop.send_replace(true);
    for done in join_all(work).await {
        done.expect("nobody panics");
    }
    judge.await.expect("it does not panic");
    for log in soak.site.logs() {
        if let Some(panic) = log.lines().find(|line| line.contains("panicked")) {
            soak.tally.violated(format!("Rowcall's log has a panic: {panic}"));
        }
    }
    let end = format!("{}\nseed       {}, {:?}", soak.tally, plan.seed, begun.elapsed());
    eprintln!("{end}");
    let violations = soak.tally.violations();
    if !violations.is_empty() {
        soak.site.logs().iter().for_each(|log| eprintln!("log of an instance, its end:\n{}", tail(log)));
    }
    assert!(violations.is_empty(), "{}\n{end}", violations.join("\n"));
    for said in ["hit", "redis", "miss"] {
        assert!(soak.tally.answered(said) > 0, "no answer was a {said}, so this shows little\n{end}");
    }
}

/// What a reader can take in.
fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
