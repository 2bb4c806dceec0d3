//! Keys → so many updates a second of their rows by psql, one after the other, until it is dropped.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::cluster::{Cluster, Database};

/// Of the updates that were to be made, so many have to be.
const DONE_MIN: f64 = 0.9;

pub struct Writer {
    psql: Child,
    per_second: u32,
    begun: Instant,
    /// What Postgres has acknowledged.
    done: Arc<AtomicU64>,
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Writer {
    /// Each is a transaction of its own; `keys` are gone through again and again.
    pub fn start(cluster: &Cluster, keys: Vec<i32>, per_second: u32) -> anyhow::Result<Writer> {
        let mut psql = cluster.program("psql");
        psql.args(["-X", "-v", "ON_ERROR_STOP=1", "-f", "-", Database::Followed.name()]);
        let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let statements = psql.stdin.take().context("stdin is piped")?;
        let acknowledged = BufReader::new(psql.stdout.take().context("stdout is piped")?);
        let (done, end) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counting, ended) = (done.clone(), end.clone());
        let count = move || {
            let lines = acknowledged.lines().map_while(Result::ok);
            let updates = lines.filter(|line| line == "UPDATE 1");
            updates.for_each(|_| _ = counting.fetch_add(1, Relaxed));
        };
        let threads = vec![spawn(move || write(statements, &keys, per_second, &ended)), spawn(count)];
        Ok(Writer { psql, per_second, begun: Instant::now(), done, end, threads })
    }

    /// The updates a second, which must be about those that were wanted.
    pub fn rate(&self) -> anyhow::Result<f64> {
        let rate = self.done.load(Relaxed) as f64 / self.begun.elapsed().as_secs_f64();
        let wanted = f64::from(self.per_second);
        ensure!(rate >= DONE_MIN * wanted, "psql made {rate:.0} updates a second, not {wanted}");
        Ok(rate)
    }
}

/// As many as are due by now; what was late is made up for.
fn write(mut statements: ChildStdin, keys: &[i32], per_second: u32, end: &AtomicBool) {
    let begun = Instant::now();
    for (number, key) in (0..).zip(keys.iter().cycle()) {
        let due = begun + Duration::from_secs(1) / per_second * number;
        sleep(due.saturating_duration_since(Instant::now()));
        let update = format!("UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = {key};\n");
        if end.load(Relaxed) || statements.write_all(update.as_bytes()).is_err() {
            return;
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end.store(true, Relaxed);
        let _ = self.psql.kill();
        let _ = self.psql.wait();
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}
