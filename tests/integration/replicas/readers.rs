//! Callers that read without a pause, and what became of their reads.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rowcall::postgres::{Error, Miss, Servers};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Answer, COUNT, PATIENCE, read};

const READERS: usize = 4;

pub struct Readers {
    reads: Arc<Mutex<Vec<Read>>>,
    count: watch::Receiver<usize>,
    _running: JoinSet<()>,
}

#[derive(Debug, Clone)]
pub struct Read {
    pub sent: Instant,
    pub took: Duration,
    pub answer: Result<Answer, Miss<Error>>,
}

impl Readers {
    pub fn start(servers: &Servers) -> Readers {
        let (reads, mut running) = (Arc::new(Mutex::new(Vec::new())), JoinSet::new());
        let (told, count) = watch::channel(0);
        for _ in 0..READERS {
            let (servers, reads, told) = (servers.clone(), reads.clone(), told.clone());
            running.spawn(async move {
                loop {
                    let sent = Instant::now();
                    let answer = read(&servers, COUNT).await;
                    let read = Read { sent, took: sent.elapsed(), answer };
                    reads.lock().unwrap_or_else(PoisonError::into_inner).push(read);
                    told.send_modify(|count| *count += 1);
                }
            });
        }
        Readers { reads, count, _running: running }
    }

    pub fn reads(&self) -> Vec<Read> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns once so many reads that were sent after `from` are such.
    pub async fn see(&self, from: Instant, number: usize, such: impl Fn(&Answer) -> bool) {
        let mut count = self.count.clone();
        let enough = || {
            let reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
            let after = reads.iter().filter(|read| read.sent >= from);
            after.filter(|read| read.answer.as_ref().is_ok_and(&such)).count() >= number
        };
        let seen = async {
            while !enough() {
                count.changed().await.expect("readers read");
            }
        };
        if timeout(PATIENCE, seen).await.is_err() {
            panic!(
                "never seen; the last reads: {:#?}",
                self.reads().iter().rev().take(8).collect::<Vec<_>>()
            );
        }
    }

    /// No read has failed, and none took longer than `most`.
    pub fn all_well(&self, most: Duration) {
        let reads = self.reads();
        let failed: Vec<_> = reads.iter().filter(|read| read.answer.is_err()).take(5).collect();
        assert!(failed.is_empty(), "of {} reads: {failed:#?}", reads.len());
        let slowest = reads.iter().max_by_key(|read| read.took).expect("there are reads");
        assert!(slowest.took <= most, "of {} reads the slowest: {slowest:?}", reads.len());
    }
}
