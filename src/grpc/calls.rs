//! A connection's calls → run in its own task, or in theirs when they ask for it.
//!
//! ```text
//! hyper ──► begun ──► running, in the connection's task ──► answered
//!                        │ asks, and waits
//!                        └──► a task of its own ──────────► answered
//! ```
//!
//! Calls that came together are all polled before their connection is, so that their answers leave in one
//! write; and a call that is answered at once is never a task. What runs here is dropped with its connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hyper::rt::Executor;

use super::reader;
use crate::own_task;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where hyper leaves the calls of a connection.
#[derive(Clone)]
pub struct Begun {
    /// Time a caller may take nothing of an answer.
    unread_max: Duration,
    calls: Arc<Mutex<Vec<Work>>>,
}

impl Begun {
    pub fn new(unread_max: Duration) -> Self {
        Begun { unread_max, calls: Arc::default() }
    }
}

impl<F> Executor<F> for Begun
where
    F: Future + Send + 'static,
{
    fn execute(&self, call: F) {
        let call = Box::pin(reader::watched(call, self.unread_max));
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}

/// The calls that run in their connection's task.
pub struct Running {
    begun: Begun,
    calls: FuturesUnordered<Call>,
}

impl Running {
    pub fn new(begun: Begun) -> Self {
        Running { begun, calls: FuturesUnordered::new() }
    }

    /// Polls a connection and its calls, until both wait: the connection's outcome.
    pub fn poll_with<T>(
        &mut self,
        context: &mut Context<'_>,
        mut connection: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        loop {
            if let Poll::Ready(outcome) = connection(context) {
                return Poll::Ready(outcome);
            }
            if !self.went_on(context) {
                return Poll::Pending;
            }
        }
    }

    /// Whether any of them did something that the connection has to hear of.
    fn went_on(&mut self, context: &mut Context<'_>) -> bool {
        let begun = std::mem::take(&mut *self.begun.calls.lock().unwrap_or_else(PoisonError::into_inner));
        let mut went_on = !begun.is_empty();
        self.calls.extend(begun.into_iter().map(|work| Call { work: Some(work) }));
        while let Poll::Ready(Some(())) = self.calls.poll_next_unpin(context) {
            went_on = true;
        }
        went_on
    }
}

struct Call {
    /// None once it has left.
    work: Option<Work>,
}

impl Future for Call {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(work) = &mut self.work else { return Poll::Ready(()) };
        // In a task of its own it would be caught too: others of the connection are not to pay for it.
        let polled = catch_unwind(AssertUnwindSafe(|| own_task::asked(|| work.as_mut().poll(context)))).ok();
        let Some((polled, asked)) = polled else {
            self.work = None;
            return Poll::Ready(());
        };
        if asked && polled.is_pending() {
            self.work.take().map(tokio::spawn);
            return Poll::Ready(());
        }
        ready!(polled);
        self.work = None;
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use tokio::sync::oneshot;

    use super::*;

    fn running() -> (Begun, Running) {
        let begun = Begun::new(Duration::from_secs(60));
        (begun.clone(), Running::new(begun))
    }

    /// Polls the calls, as a connection that has nothing to do does.
    async fn turn(running: &mut Running) {
        poll_fn(|context| {
            let polled: Poll<()> = running.poll_with(context, |_| Poll::Pending);
            assert!(polled.is_pending());
            Poll::Ready(())
        })
        .await;
    }

    #[tokio::test]
    async fn calls_that_came_together_are_polled_before_their_connection() {
        let (begun, mut running) = running();
        let answered = Arc::new(AtomicU32::new(0));
        for _ in 0..3 {
            let answered = answered.clone();
            begun.execute(async move { answered.fetch_add(1, SeqCst) });
        }
        let mut seen = Vec::new();
        poll_fn(|context| {
            let polled: Poll<()> = running.poll_with(context, |_| {
                seen.push(answered.load(SeqCst));
                Poll::Pending
            });
            assert!(polled.is_pending());
            Poll::Ready(())
        })
        .await;
        assert_eq!(seen, [0, 3]);
    }

    #[tokio::test]
    async fn what_waits_is_dropped_with_its_connection_and_what_asked_goes_on() {
        let (begun, mut running) = running();
        let (here, mut left) = oneshot::channel::<()>();
        begun.execute(async move {
            let _here = here;
            pending::<()>().await;
        });
        let ((go, wait), (apart, done)) = (oneshot::channel::<()>(), oneshot::channel());
        begun.execute(async move {
            own_task::ask();
            wait.await.expect("it is told to go on");
            apart.send(()).expect("the test waits");
        });
        turn(&mut running).await;
        assert_eq!(running.calls.len(), 1);
        assert!(left.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty));
        drop(running);
        assert!(left.await.is_err());
        go.send(()).expect("it still runs");
        done.await.expect("it went on");
    }

    #[tokio::test]
    async fn a_call_that_asks_late_leaves_late() {
        let (begun, mut running) = running();
        let (go, wait) = oneshot::channel::<()>();
        begun.execute(async move {
            wait.await.expect("it is told to go on");
            own_task::ask();
            pending::<()>().await;
        });
        turn(&mut running).await;
        assert_eq!(running.calls.len(), 1);
        go.send(()).expect("it waits");
        turn(&mut running).await;
        assert_eq!(running.calls.len(), 0);
    }

    #[tokio::test]
    async fn a_panic_ends_its_own_call_alone() {
        let (begun, mut running) = running();
        let (here, mut left) = oneshot::channel::<()>();
        begun.execute(async move {
            let _here = here;
            panic!("on purpose");
        });
        let (go, wait) = oneshot::channel::<()>();
        begun.execute(async move { drop(wait.await) });
        turn(&mut running).await;
        assert!(left.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
        assert_eq!(running.calls.len(), 1, "the other waits");
        go.send(()).expect("it is there");
    }
}
