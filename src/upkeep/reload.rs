//! SIGHUP, or DDL that a call met → the contract and the catalog read again, and new plans.
//!
//! ```text
//! idle ──SIGHUP or stale──► load ──fits──► replace, tell the listener ──► idle
//!                    ▲        ├──fails──► keep the old plans, say why ──► idle
//!                    └─pause──┴──no database──► the same, and once more
//! ```
//!
//! Calls are never delayed: they hold the plans they began with. Between loads that calls ask for
//! lies a pause, so that a table which keeps failing does not keep the catalog busy. Who asked while
//! the database was away need not ask again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::grpc::Certificates;
use crate::load;
use crate::pipeline::Pipeline;

/// At most one load in so long, when calls ask for it.
const PAUSE: Duration = Duration::from_millis(500);

/// What is loaded again.
pub struct Reload {
    pub pipeline: Arc<Pipeline>,
    pub contract: Vec<PathBuf>,
    /// Of the listener, when it speaks TLS; read again with the contract on SIGHUP.
    pub certificates: Option<Certificates>,
    /// Counts the loads that took effect.
    pub loads: watch::Sender<u64>,
}

enum Cause {
    Signal,
    Stale,
    /// The last load found no database.
    Unread,
}

#[derive(PartialEq, Eq)]
enum Loaded {
    /// New plans, or a reason that trying again does not change.
    Done,
    Unread,
}

impl Reload {
    /// Never returns. `hangup` was asked for before anything else, since until then SIGHUP ends the process.
    pub async fn run(self, mut hangup: Signal) {
        let mut next = Instant::now();
        let mut loaded = Loaded::Done;
        loop {
            match self.wait(&mut hangup, &loaded, next).await {
                Cause::Signal => self.reload_certificates(),
                Cause::Stale => sleep_until(next).await,
                Cause::Unread => {}
            }
            loaded = self.load(&loaded).await;
            next = Instant::now() + PAUSE;
        }
    }

    async fn wait(&self, hangup: &mut Signal, loaded: &Loaded, next: Instant) -> Cause {
        tokio::select! {
            _ = hangup.recv() => Cause::Signal,
            () = self.pipeline.stale() => Cause::Stale,
            () = sleep_until(next), if *loaded == Loaded::Unread => Cause::Unread,
        }
    }

    fn reload_certificates(&self) {
        if let Some(Err(error)) = self.certificates.as_ref().map(Certificates::reload) {
            let error = anyhow::Error::from(error);
            tracing::error!("the old certificates stay: {error:#}");
        }
    }

    /// An outage is told once, not at every try.
    async fn load(&self, before: &Loaded) -> Loaded {
        let loaded = async {
            let contract = load::contract(self.contract.clone()).await?;
            load::plans(contract, self.pipeline.postgres()).await
        };
        match loaded.await {
            Ok(loaded) => {
                for problem in &loaded.report.problems {
                    tracing::warn!(%problem, "does not fit");
                }
                let problems = loaded.report.problems.len();
                self.pipeline.replace(loaded.plans);
                self.loads.send_modify(|loads| *loads += 1);
                tracing::info!(problems, "reloaded");
                Loaded::Done
            }
            Err(error) => {
                let loaded = if error.unreachable() { Loaded::Unread } else { Loaded::Done };
                let error = anyhow::Error::from(error);
                match (before, &loaded) {
                    (Loaded::Unread, Loaded::Unread) => tracing::debug!("the reload failed again: {error:#}"),
                    _ => tracing::error!("the reload failed, and the old plans stay: {error:#}"),
                }
                loaded
            }
        }
    }
}
