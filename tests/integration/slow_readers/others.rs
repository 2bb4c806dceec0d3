//! A hundred callers read nothing of their streams, and other callers do not notice.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use super::{Chunks, Slow, slow};

const ROWS: i64 = 100_000;
const CALLERS: usize = 4;
const CALLS: usize = 250;
/// As many show what is calm, and so many at most.
const ROUNDS_MIN: usize = 3;
const ROUNDS_MAX: usize = 12;

async fn p99(slow: &Slow) -> Duration {
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let client = slow.client.clone();
        callers.spawn(async move {
            let mut took = Vec::new();
            for _ in 0..CALLS {
                let id = rand::random_range(1..=ROWS);
                let begun = Instant::now();
                client.call("GetSample", json!({"sample_id": id})).await.expect("its row");
                took.push(begun.elapsed());
            }
            took
        });
    }
    let mut took: Vec<Duration> = callers.join_all().await.into_iter().flatten().collect();
    took.sort();
    took[took.len() * 99 / 100]
}

/// Streams that are read no further than to their first chunk.
async fn hundred(slow: &Slow) -> Vec<Chunks> {
    let mut stopped = Vec::new();
    for _ in 0..10 {
        let mut reader = slow.connect().await;
        for _ in 0..10 {
            let mut chunks = reader.stream().await;
            assert!(chunks.next().await);
            stopped.push(chunks);
        }
    }
    stopped
}

/// Without slow readers and beside them in turns, until the calmest round of each shows it: other tests run beside this one.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_slow_readers_do_not_slow_down_others() {
    let slow = slow(ROWS, &[]).await;
    let (mut before, mut beside) = (Duration::MAX, Duration::MAX);
    // A machine that is busy with something else has its own say in the last milliseconds.
    let noise = Duration::from_millis(5);
    for round in 1..=ROUNDS_MAX {
        before = before.min(p99(&slow).await);
        let stopped = hundred(&slow).await;
        beside = beside.min(p99(&slow).await);
        assert_eq!(stopped.len(), 100);
        if round >= ROUNDS_MIN && beside <= 2 * before + noise {
            return;
        }
    }
    panic!("p99 was {before:?} and is {beside:?} beside slow readers");
}
