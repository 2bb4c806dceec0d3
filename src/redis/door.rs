//! Round trips that fail → whether Redis is asked at all: a breaker, and the one who tries whether it may close.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use redis::Cmd;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::Inner;
use super::link::{Link, Place};

/// The first of the growing times between tries.
const RETRY_MIN: Duration = Duration::from_millis(100);

pub(super) struct Door {
    failures_max: u32,
    /// None: set aside. Changed together with `answering`, under its lock.
    live: ArcSwapOption<Live>,
    answering: watch::Sender<bool>,
}

/// Connections that answered when they were made. Those of one that is set aside are never used again: they may hold
/// commands that nobody waits for any more.
pub(super) struct Live {
    pub reads: Link,
    /// Of their own, so that what is stored is in no lookup's way.
    pub writes: Link,
    failures: AtomicU32,
}

impl Live {
    /// A round trip was answered.
    pub fn answered(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }
}

impl Door {
    pub fn new(failures_max: u32) -> Self {
        Door { failures_max, live: ArcSwapOption::empty(), answering: watch::Sender::new(false) }
    }

    pub fn live(&self) -> Option<Arc<Live>> {
        self.live.load_full()
    }

    pub fn answering(&self) -> watch::Receiver<bool> {
        self.answering.subscribe()
    }

    /// A round trip failed. Those of connections that were set aside count no more.
    pub fn failed(&self, live: &Arc<Live>, cause: &str) {
        let failures = live.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures < self.failures_max {
            return;
        }
        let shut = self.answering.send_if_modified(|answering| {
            let ours = self.live.load().as_ref().is_some_and(|now| Arc::ptr_eq(now, live));
            if ours {
                self.live.store(None);
                *answering = false;
            }
            ours
        });
        if shut {
            tracing::warn!(failures, cause, "Redis is set aside; it is tried again until it answers");
        }
    }

    fn open(&self, live: Live) {
        self.answering.send_if_modified(|answering| {
            self.live.store(Some(Arc::new(live)));
            *answering = true;
            true
        });
    }
}

/// Connects, and again whenever Redis was set aside. Ends with the task.
pub(super) async fn keep(inner: Arc<Inner>, place: Place) {
    let mut answering = inner.door.answering();
    let (mut delay, mut told) = (RETRY_MIN, false);
    loop {
        match connect(&inner, &place).await {
            Ok(live) => {
                inner.door.open(live);
                tracing::info!("Redis answers");
                let since = Instant::now();
                if answering.wait_for(|answering| !answering).await.is_err() {
                    return;
                }
                told = true;
                // One that answers a probe and then no lookup is tried ever more seldom.
                if since.elapsed() > inner.settings.retry_max {
                    delay = RETRY_MIN;
                }
            }
            Err(cause) if !told => {
                tracing::warn!(
                    cause,
                    "Redis cannot be reached; it is done without, and tried until it answers"
                );
                told = true;
            }
            Err(_) => {}
        }
        sleep(delay.mul_f64(rand::random_range(0.5..1.0))).await;
        delay = (delay * 2).min(inner.settings.retry_max.max(RETRY_MIN));
    }
}

async fn connect(inner: &Inner, place: &Place) -> Result<Live, String> {
    let probed = async {
        let (reads, writes) = (place.connect().await?, place.connect().await?);
        let mut probe = Cmd::new();
        probe.arg("GETRANGE").arg(inner.names.probe()).arg(0).arg(0);
        for reply in reads.run(vec![probe]).await? {
            reply?;
        }
        Ok::<_, redis::RedisError>(Live { reads, writes, failures: AtomicU32::new(0) })
    };
    match timeout(inner.settings.connect_max, probed).await {
        Ok(probed) => probed.map_err(|error| error.to_string()),
        Err(_) => Err("it does not answer".to_owned()),
    }
}
