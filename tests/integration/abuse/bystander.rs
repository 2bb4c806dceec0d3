//! Somebody who calls all the time, and is answered every time.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::grpc::served::Served;

pub struct Bystander {
    stop: watch::Sender<bool>,
    calls: JoinHandle<usize>,
}

impl Bystander {
    /// Returns once it was answered for the first time.
    pub async fn of(served: &Arc<Served>) -> Bystander {
        let stop = watch::Sender::new(false);
        let (first, mut answered) = watch::channel(false);
        let calls = tokio::spawn({
            let (served, stopped) = (served.clone(), stop.subscribe());
            async move {
                let mut calls = 0;
                while !*stopped.borrow() {
                    let answer = served.get("hello").await.expect("others are answered");
                    assert_eq!(answer.into_inner(), "hello");
                    calls += 1;
                    first.send_replace(true);
                }
                calls
            }
        });
        answered.wait_for(|answered| *answered).await.expect("the first call is answered");
        Bystander { stop, calls }
    }

    /// None of its calls has failed.
    pub async fn was_answered(self) {
        self.stop.send_replace(true);
        assert!(self.calls.await.expect("no call failed") > 0);
    }
}
