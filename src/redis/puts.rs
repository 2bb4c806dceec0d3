//! Entries to be shared → a bounded queue → pipelines of SET, each with what is left of its entry's life.
//!
//! An entry waits as it is and gets its form when it is sent, so that the call that read it pays for neither.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use redis::Cmd;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use super::Inner;
use super::settings::Settings;
use crate::cache::{Entry, Key, Moment};

/// What one pipeline holds in bytes, but for its last entry.
const PIPELINE_BYTES: usize = 1 << 20;

/// Redis refuses times that overflow; nothing is kept for so long anyhow.
const KEEP_MAX: Duration = Duration::from_secs(30 * 24 * 3_600);

#[derive(Clone)]
pub(super) struct Puts {
    queue: mpsc::Sender<Put>,
    /// In bytes.
    room: Arc<Semaphore>,
    entry_bytes_max: usize,
}

pub(super) struct Put {
    key: Key,
    entry: Arc<Entry>,
    /// Given back when it is sent.
    room: OwnedSemaphorePermit,
}

impl Puts {
    pub fn new(settings: &Settings) -> (Self, mpsc::Receiver<Put>) {
        let (queue, queued) = mpsc::channel(settings.puts_max.max(1));
        let room = Arc::new(Semaphore::new(settings.puts_bytes_max.min(Semaphore::MAX_PERMITS)));
        (Puts { queue, room, entry_bytes_max: settings.entry_bytes_max }, queued)
    }

    /// False when it is not to be shared, or there is no room.
    pub fn push(&self, key: Key, entry: &Arc<Entry>) -> bool {
        let bytes = entry.bytes();
        if entry.label().is_none() || bytes > self.entry_bytes_max {
            return false;
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let Ok(room) = self.room.clone().try_acquire_many_owned(bytes) else { return false };
        self.queue.try_send(Put { key, entry: entry.clone(), room }).is_ok()
    }
}

pub(super) async fn drive(inner: Arc<Inner>, mut queued: mpsc::Receiver<Put>) {
    let refusing = AtomicBool::new(false);
    while let Some(first) = queued.recv().await {
        let mut bytes = first.room.num_permits();
        let mut batch = vec![first];
        while batch.len() < inner.settings.batch_max && bytes < PIPELINE_BYTES {
            let Ok(put) = queued.try_recv() else { break };
            bytes += put.room.num_permits();
            batch.push(put);
        }
        store(&inner, batch, &refusing).await;
    }
}

async fn store(inner: &Inner, batch: Vec<Put>, refusing: &AtomicBool) {
    let waited = batch.len();
    let Some(live) = inner.door.live() else { return inner.counts.dropped.add(waited) };
    let commands: Vec<Cmd> = batch.into_iter().filter_map(|put| inner.set(put)).collect();
    let count = commands.len();
    inner.counts.dropped.add(waited - count);
    if count == 0 {
        return;
    }
    inner.counts.trips.add(1);
    let cause = match timeout(inner.settings.connect_max, live.writes.run(commands)).await {
        Ok(Ok(replies)) => {
            let (mut refused, mut last) = (0, None);
            for reply in replies {
                if let Err(error) = reply {
                    refused += 1;
                    last = Some(error.to_string());
                }
            }
            inner.counts.stored.add(count - refused);
            inner.counts.refused.add(refused);
            // Lookups go on: a Redis that is full, or a replica, still answers.
            if let Some(cause) = last
                && !refusing.swap(true, Ordering::Relaxed)
            {
                tracing::warn!(cause, "Redis does not take what is to be stored");
            } else if refused == 0 && refusing.swap(false, Ordering::Relaxed) {
                tracing::info!("Redis takes what is to be stored again");
            }
            return;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "what was to be stored took longer than redis.connect_max".to_owned(),
    };
    inner.counts.refused.add(count);
    inner.counts.failures.add(1);
    inner.door.failed(&live, &cause);
}

impl Inner {
    /// None when it has expired, or is larger in its form than it may be.
    fn set(&self, put: Put) -> Option<Cmd> {
        let now = Moment { monotonic: Instant::now(), wall: SystemTime::now() };
        let left = put.entry.left(now.monotonic).min(KEEP_MAX).as_millis() as u64;
        let bytes = put.entry.to_bytes(put.key, now)?;
        let fits = left > 0 && bytes.len() <= self.settings.entry_bytes_max;
        let epoch = put.entry.label()?.epoch();
        fits.then(|| {
            let mut command = Cmd::new();
            command.arg("SET").arg(self.names.of(epoch, put.key)).arg(bytes).arg("PX").arg(left);
            command
        })
    }
}
