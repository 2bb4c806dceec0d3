//! A caller that reads nothing of its answer → its stream is reset, and what is kept for it let go.
//!
//! hyper asks a body for the next piece when the caller has room for more. Until then its call is not
//! woken, and a body cannot say that it has waited for too long. So calls are watched: one whose last
//! piece was handed out long ago is dropped, and with it the answer; h2 then resets the stream with
//! CANCEL.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::task_local;
use tokio::time::{Sleep, sleep};

/// What a body waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    ForUs,
    /// Its reader, who has so many pieces in front of him.
    ForReader(u64),
}

task_local! {
    static WAITS: Cell<Waits>;
}

/// A body has nothing to hand out.
pub fn waits_for_us() {
    // Outside of such a task, in tests, there is nobody to tell.
    let _ = WAITS.try_with(|waits| waits.set(Waits::ForUs));
}

/// A body has handed out a piece.
pub fn waits_for_reader() {
    let _ = WAITS.try_with(|waits| {
        waits.set(match waits.get() {
            Waits::ForUs => Waits::ForReader(0),
            Waits::ForReader(pieces) => Waits::ForReader(pieces + 1),
        });
    });
}

/// The call, until its caller has taken nothing of its answer for so long.
pub fn watched(call: impl Future, unread_max: Duration) -> impl Future<Output = ()> {
    WAITS.scope(Cell::new(Waits::ForUs), watch(call, unread_max))
}

async fn watch(call: impl Future, unread_max: Duration) {
    let mut call = pin!(call);
    let mut late: Option<(Waits, Pin<Box<Sleep>>)> = None;
    poll_fn(|cx| {
        if call.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let waits = WAITS.with(Cell::get);
        if waits == Waits::ForUs {
            late = None;
            return Poll::Pending;
        }
        let (_, timer) = match &mut late {
            Some(known) if known.0 == waits => known,
            _ => late.insert((waits, Box::pin(sleep(unread_max)))),
        };
        timer
            .as_mut()
            .poll(cx)
            .map(|()| tracing::debug!("an answer was let go: its caller took nothing of it"))
    })
    .await;
}
