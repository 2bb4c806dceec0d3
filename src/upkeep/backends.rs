//! What our backends at the primary wait for → numbers, every few seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::time::{MissedTickBehavior, interval};

use super::asking::Asking;
use crate::postgres::{Ending, Limit, Mode, Sight, StatementTimeout, Want};
use crate::sql::{Statement, oid};

const INTERVAL: Duration = Duration::from_secs(5);
const LOOK_MAX: Duration = Duration::from_secs(2);
/// What is older says nothing.
const AGE_MAX: Duration = Duration::from_secs(15);

const LOOK: &str = "SELECT COALESCE(a.state, 'none'), COALESCE(a.wait_event_type, 'none'), pg_catalog.count(*) \
    FROM pg_catalog.pg_stat_activity a \
    WHERE a.datname = pg_catalog.current_database() AND a.usename = CURRENT_USER AND a.pid <> pg_catalog.pg_backend_pid() \
    GROUP BY 1, 2";

/// What was seen last; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Backends {
    seen: Arc<ArcSwap<Option<Seen>>>,
}

#[derive(Debug)]
struct Seen {
    at: Instant,
    counts: Vec<Count>,
}

/// Backends in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// `active`, `idle`, …: as `pg_stat_activity` has it.
    pub state: String,
    /// `Lock`, `IO`, `Client`, …; `none` where it waits for nothing.
    pub wait_event_type: String,
    pub backends: u64,
}

impl Backends {
    /// Nothing while nothing is known.
    pub fn read(&self) -> Vec<Count> {
        let seen = self.seen.load();
        let fresh = seen.as_ref().as_ref().filter(|seen| seen.at.elapsed() < AGE_MAX);
        fresh.map(|seen| seen.counts.clone()).unwrap_or_default()
    }

    /// Never returns.
    pub async fn follow(self, asking: Asking) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // Where it cannot be looked, nothing is known.
            let Some(counts) = look(&asking).await else { continue };
            self.seen.store(Arc::new(Some(Seen { at: Instant::now(), counts })));
        }
    }
}

async fn look(asking: &Asking) -> Option<Vec<Count>> {
    let want = Want {
        deadline: Instant::now() + LOOK_MAX,
        mode: Mode::Single,
        statement_timeout: StatementTimeout::Net,
        sight: Sight::Untold,
    };
    let mut session = asking.session(want).await.ok()?;
    let look = Statement::own(LOOK, [oid::TEXT, oid::TEXT, oid::INT8]);
    let ran = session.run(&[look], Ending::Last, Limit::default()).await;
    let ran =
        ran.inspect_err(|error| tracing::debug!(%error, "it cannot be seen what our backends wait for"));
    let rows = ran.ok()?.pop()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let counted = rows.iter().filter_map(|row| {
        let backends = i64::from_be_bytes(row.get(2)?.try_into().ok()?);
        let (state, wait_event_type) = (text(row.get(0)?), text(row.get(1)?));
        Some(Count { state, wait_event_type, backends: u64::try_from(backends).unwrap_or(0) })
    });
    Some(counted.collect())
}
