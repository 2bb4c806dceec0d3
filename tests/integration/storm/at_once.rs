//! All callers of slow statements leave at once, beside callers of short ones.
//!
//! While every connection is busy with a slow statement a short call waits for one, behind the slow
//! ones that came before it: here it may wait as long as the slow ones would have. That is the worst
//! place to be when they leave: it is the first to get a connection that a cancel was just sent for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Short, naps, storm};
use crate::support::Client;

const CONNECTIONS: usize = 20;
const SLOW_CALLS: usize = 200;
const SHORT_CALLERS: usize = 16;
const STORMS: usize = 3;

/// Short calls, one after the other from each of several callers, until it is told to stop.
struct Stream {
    answered: Arc<watch::Sender<usize>>,
    stop: CancellationToken,
    callers: JoinSet<()>,
}

impl Stream {
    fn start(clients: &[Client]) -> Stream {
        let (answered, stop) = (Arc::new(watch::Sender::new(0)), CancellationToken::new());
        let mut callers = JoinSet::new();
        for caller in 0..SHORT_CALLERS {
            let (client, answered) = (clients[caller % clients.len()].clone(), answered.clone());
            let stop = stop.clone();
            callers.spawn(async move {
                while !stop.is_cancelled() {
                    Short::any().call(&client).await;
                    answered.send_modify(|answered| *answered += 1);
                }
            });
        }
        Stream { answered, stop, callers }
    }

    /// Returns once so many more are answered.
    async fn flows(&self, more: usize) {
        let wanted = *self.answered.borrow() + more;
        let enough =
            async { self.answered.subscribe().wait_for(|answered| *answered >= wanted).await.is_ok() };
        let in_time = tokio::time::timeout(Duration::from_secs(20), enough).await;
        assert_eq!(in_time, Ok(true), "short calls are not answered");
    }

    /// Every call of every caller was answered as it should.
    async fn end(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.callers.join_next().await {
            ended.expect("no short call fails");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_leave_at_once_and_no_short_call_notices() {
    let connections = CONNECTIONS.to_string();
    let settings = [
        ("postgres.connections_max", connections.as_str()),
        ("postgres.connections_kept", connections.as_str()),
        ("postgres.wait_max", "60s"),
        ("join.calls_max", "1"),
    ];
    let mut storm = storm(|database| database.url.clone(), &settings).await;
    storm.connect(2).await;
    let watching = storm.database.client().await;
    let before = storm.idle(CONNECTIONS).await;
    let stream = Stream::start(&storm.clients[1..]);
    stream.flows(200).await;
    let mut took = Vec::new();
    for _ in 0..STORMS {
        let mut slow = JoinSet::new();
        for n in 0..SLOW_CALLS {
            let client = storm.clients[0].clone();
            slow.spawn(async move {
                let timeout = [("grpc-timeout", "60S")];
                client.call_with("Nap", json!({"n": n}), &timeout).await.map(drop)
            });
        }
        while naps(&watching).await < CONNECTIONS as i64 {
            assert!(slow.try_join_next().is_none(), "a slow call ended");
        }
        let left = Instant::now();
        slow.abort_all();
        while naps(&watching).await > 0 {}
        took.push(left.elapsed());
        stream.flows(200).await;
        while slow.join_next().await.is_some() {}
    }
    stream.end().await;
    // The same connections, all of them: none was given up.
    assert_eq!(storm.idle(CONNECTIONS).await, before);
    assert!(took.iter().min() < Some(&Duration::from_secs(1)), "statements outlived their callers: {took:?}");
}
