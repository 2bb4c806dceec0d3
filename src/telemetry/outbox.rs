//! What is to be exported → batches, by a task of its own, or counted where there is no room for it.
//!
//! Who puts something in never waits. What a collector does not take is not tried again: it would push out
//! what comes after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

/// Items of one export.
const BATCH_MAX: usize = 512;
/// What comes meanwhile leaves together; who puts in wakes nobody.
const PAUSE: Duration = Duration::from_millis(200);

/// What became of a signal's items.
#[derive(Debug, Default)]
pub struct Counts {
    exported: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    pub fn exported(&self, items: usize) {
        self.exported.fetch_add(items as u64, Relaxed);
    }

    pub fn dropped(&self, items: usize) {
        self.dropped.fetch_add(items as u64, Relaxed);
    }

    /// Exported and dropped, since the start.
    pub fn read(&self) -> (u64, u64) {
        (self.exported.load(Relaxed), self.dropped.load(Relaxed))
    }
}

/// Where items wait; clones are the same.
#[derive(Debug)]
pub struct Outbox<T> {
    items: mpsc::Sender<T>,
    flushes: mpsc::Sender<oneshot::Sender<()>>,
    counts: Arc<Counts>,
}

/// The other end.
#[derive(Debug)]
pub struct Waiting<T> {
    items: mpsc::Receiver<T>,
    flushes: mpsc::Receiver<oneshot::Sender<()>>,
}

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        let Outbox { items, flushes, counts } = self;
        Outbox { items: items.clone(), flushes: flushes.clone(), counts: counts.clone() }
    }
}

/// `waiting_max` items wait at most.
pub fn outbox<T>(waiting_max: usize) -> (Outbox<T>, Waiting<T>) {
    let ((sender, items), (asker, flushes)) = (mpsc::channel(waiting_max.max(1)), mpsc::channel(1));
    (Outbox { items: sender, flushes: asker, counts: Arc::default() }, Waiting { items, flushes })
}

impl<T> Outbox<T> {
    pub fn put(&self, item: T) {
        if self.items.try_send(item).is_err() {
            self.counts.dropped(1);
        }
    }

    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// Returns when all that was put in before has been exported or given up; nobody promises when.
    pub async fn flush(&self) {
        let (told, done) = oneshot::channel();
        if self.flushes.send(told).await.is_ok() {
            let _ = done.await;
        }
    }
}

impl<T> Waiting<T> {
    /// Exports until the last outbox is gone.
    pub async fn run(mut self, mut export: impl AsyncFnMut(Vec<T>)) {
        loop {
            let flushed = tokio::select! {
                () = tokio::time::sleep(PAUSE) => None,
                Some(told) = self.flushes.recv() => Some(told),
            };
            // No more than there was: what goes on coming is the next turn's.
            let mut left = self.items.len();
            while left > 0 {
                let mut batch = Vec::with_capacity(left.min(BATCH_MAX));
                left -= self.items.recv_many(&mut batch, left.min(BATCH_MAX)).await;
                export(batch).await;
            }
            if let Some(told) = flushed {
                let _ = told.send(());
            }
            if self.items.is_closed() && self.items.is_empty() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn what_finds_no_room_is_counted_and_nobody_waits() {
        let (outbox, waiting) = outbox(3);
        (0..5).for_each(|item| outbox.put(item));
        assert_eq!(outbox.counts().read(), (0, 2));
        let taken = Arc::new(Mutex::new(Vec::new()));
        let into = taken.clone();
        let running = tokio::spawn(waiting.run(async move |batch| into.lock().unwrap().extend(batch)));
        outbox.flush().await;
        assert_eq!(*taken.lock().unwrap(), [0, 1, 2]);
        outbox.put(6);
        drop(outbox);
        running.await.unwrap();
        assert_eq!(*taken.lock().unwrap(), [0, 1, 2, 6]);
    }

    #[tokio::test]
    async fn a_batch_has_a_limit() {
        let (outbox, waiting) = outbox(BATCH_MAX * 2);
        (0..BATCH_MAX + 1).for_each(|item| outbox.put(item));
        drop(outbox);
        let mut lengths = Vec::new();
        waiting.run(async |batch: Vec<usize>| lengths.push(batch.len())).await;
        assert_eq!(lengths, [BATCH_MAX, 1]);
    }
}
