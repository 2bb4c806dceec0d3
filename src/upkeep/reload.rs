//! SIGHUP, or DDL that a call met → the contract and the catalog read again, and new plans.
//!
//! ```text
//! idle ──SIGHUP or stale──► load ──fits──► replace, tell the listener ──► idle
//!   │ ▲                       └──fails──► keep the old plans, say why ──► idle, until the database
//!   │ └─the same does not fit─┐                                           is back where it was gone
//!   └──unfit, once in a while─► look ──another──► replace, tell the listener ──► idle
//! ```
//!
//! Calls are never delayed: they hold the plans they began with. Between loads that calls ask for
//! lies a pause, so that a table which keeps failing does not keep the catalog busy. What does not
//! fit asks Postgres for nothing, so only looking finds out that it does again.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::contract::Problem;
use crate::grpc::Certificates;
use crate::load;
use crate::pipeline::Pipeline;
use crate::plan::Plans;

/// At most one load in so long, when calls ask for it.
const PAUSE: Duration = Duration::from_millis(500);
/// While something does not fit, at most one look in so long, and a pause of so many looks' time.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
const LOOK_PAUSE_LOADS: u32 = 5;

/// What came of reloads, in numbers; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Outcomes {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    applied: AtomicU64,
    failed: AtomicU64,
    /// The last one has failed.
    stale: AtomicBool,
}

impl Outcomes {
    pub fn applied(&self) -> u64 {
        self.counts.applied.load(Relaxed)
    }

    pub fn failed(&self) -> u64 {
        self.counts.failed.load(Relaxed)
    }

    /// Whether the last one has failed, and the old plans stay.
    pub fn stale(&self) -> bool {
        self.counts.stale.load(Relaxed)
    }

    fn note(&self, applied: bool) {
        let count = if applied { &self.counts.applied } else { &self.counts.failed };
        count.fetch_add(1, Relaxed);
        self.counts.stale.store(!applied, Relaxed);
    }
}

/// What is loaded again.
pub struct Reload {
    pub outcomes: Outcomes,
    pub pipeline: Arc<Pipeline>,
    pub contract: Vec<PathBuf>,
    /// Of the listener, when it speaks TLS; read again with the contract on SIGHUP.
    pub certificates: Option<Certificates>,
    /// Counts the loads that took effect.
    pub loads: watch::Sender<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Signal,
    Stale,
    /// An earlier load found no database.
    Back,
    /// Something does not fit.
    Unfit,
}

/// Between two loads.
struct Idle {
    /// What does not fit by the plans in force.
    problems: Vec<Problem>,
    /// The last load found no database.
    failed: bool,
    since: Instant,
    look_pause: Duration,
}

impl Reload {
    /// Never returns. `hangup` was asked for before anything else, since until then SIGHUP ends the
    /// process; `problems` are those of the first load.
    pub async fn run(self, mut hangup: Signal, problems: Vec<Problem>) {
        let mut idle = Idle { problems, failed: false, since: Instant::now(), look_pause: LOOK_PAUSE };
        loop {
            let cause = self.wait(&mut hangup, &idle).await;
            match cause {
                Cause::Signal => self.reload_certificates(),
                Cause::Stale | Cause::Back => sleep_until(idle.since + PAUSE).await,
                Cause::Unfit => {}
            }
            let begun = Instant::now();
            self.load(cause, &mut idle).await;
            idle.look_pause = (begun.elapsed() * LOOK_PAUSE_LOADS).max(LOOK_PAUSE);
            idle.since = Instant::now();
        }
    }

    /// Puts plans into force, and tells the listener.
    pub fn replace(&self, plans: Plans) {
        self.pipeline.replace(plans);
        self.loads.send_modify(|loads| *loads += 1);
    }

    async fn wait(&self, hangup: &mut Signal, idle: &Idle) -> Cause {
        let mut reachable = self.pipeline.postgres().reachable();
        tokio::select! {
            _ = hangup.recv() => Cause::Signal,
            () = self.pipeline.stale() => Cause::Stale,
            Ok(_) = reachable.wait_for(|now| *now), if idle.failed => Cause::Back,
            () = sleep_until(idle.since + idle.look_pause), if !idle.problems.is_empty() => Cause::Unfit,
        }
    }

    fn reload_certificates(&self) {
        if let Some(Err(error)) = self.certificates.as_ref().map(Certificates::reload) {
            let error = anyhow::Error::from(error);
            tracing::error!("the old certificates stay: {error:#}");
        }
    }

    async fn load(&self, cause: Cause, idle: &mut Idle) {
        let loaded = async {
            let contract = match cause {
                // What is being written to it takes effect when its author says so.
                Cause::Unfit => self.pipeline.plans().contract.clone(),
                _ => load::contract(self.contract.clone()).await?,
            };
            load::settled_plans(contract, self.pipeline.postgres()).await
        };
        match loaded.await {
            Ok(loaded) if cause == Cause::Unfit && loaded.report.problems == idle.problems => {}
            Ok(loaded) => {
                idle.problems = loaded.report.problems;
                idle.failed = false;
                for problem in &idle.problems {
                    tracing::warn!(%problem, "does not fit");
                }
                self.replace(loaded.plans);
                self.outcomes.note(true);
                tracing::info!(problems = idle.problems.len(), "reloaded");
            }
            Err(error) if cause == Cause::Unfit => {
                let error = anyhow::Error::from(error);
                tracing::debug!("cannot see whether it fits by now: {error:#}");
            }
            Err(error) => {
                self.outcomes.note(false);
                let failed_before = std::mem::replace(&mut idle.failed, error.unreachable());
                let error = anyhow::Error::from(error);
                // An outage is told once, not at every try.
                match failed_before && idle.failed {
                    true => tracing::debug!("the reload failed again: {error:#}"),
                    false => tracing::error!("the reload failed, and the old plans stay: {error:#}"),
                }
            }
        }
    }
}
