//! Concurrent lookups → round trips that they share.
//!
//! The first goes at once. Those that come while as many round trips are under way as may be go together with the next.
//! A lookup that its caller has left has no part in one.

use std::sync::Arc;

use bytes::Bytes;
use redis::{Cmd, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::Inner;
use super::link::Reply;

/// Round trips of lookups under way at once. Redis answers one after another anyhow; the second is on its way meanwhile.
const TRIPS_MAX: usize = 2;

/// What Redis calls a value that is no text.
const WRONG_TYPE: &str = "WRONGTYPE";

/// Some keys that one caller asks for.
pub(super) struct Ticket {
    names: Vec<String>,
    answer: oneshot::Sender<Vec<Option<Bytes>>>,
}

/// None when too many wait. Nothing comes when the round trip fails.
pub(super) fn ask(
    tickets: &mpsc::Sender<Ticket>,
    names: Vec<String>,
) -> Option<oneshot::Receiver<Vec<Option<Bytes>>>> {
    let (answer, coming) = oneshot::channel();
    tickets.try_send(Ticket { names, answer }).ok().map(|()| coming)
}

pub(super) async fn drive(inner: Arc<Inner>, mut tickets: mpsc::Receiver<Ticket>) {
    let slots = Arc::new(Semaphore::new(TRIPS_MAX));
    let mut next = None;
    loop {
        let first = match next.take() {
            Some(ticket) => ticket,
            None => match tickets.recv().await {
                Some(ticket) => ticket,
                None => return,
            },
        };
        // It is never closed.
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        let mut batch = vec![first];
        batch.retain(|ticket: &Ticket| !ticket.answer.is_closed());
        let mut keys: usize = batch.iter().map(|ticket| ticket.names.len()).sum();
        while let Ok(ticket) = tickets.try_recv() {
            if ticket.answer.is_closed() {
                continue;
            }
            keys += ticket.names.len();
            if keys > inner.settings.batch_max {
                next = Some(ticket);
                break;
            }
            batch.push(ticket);
        }
        if !batch.is_empty() {
            tokio::spawn(trip(inner.clone(), batch, slot));
        }
    }
}

/// Tickets that are dropped here tell their callers that nothing was found.
async fn trip(inner: Arc<Inner>, batch: Vec<Ticket>, _slot: OwnedSemaphorePermit) {
    let Some(live) = inner.door.live() else { return };
    let commands = batch.iter().flat_map(|ticket| &ticket.names).map(|name| {
        let mut command = Cmd::new();
        // The last byte is one too many, and says so.
        command.arg("GETRANGE").arg(name).arg(0).arg(inner.settings.entry_bytes_max);
        command
    });
    inner.counts.trips.add(1);
    let failed = |cause: &str| {
        inner.counts.failures.add(1);
        inner.door.failed(&live, cause);
    };
    let mut replies = match timeout(inner.settings.wait_max, live.reads.run(commands.collect())).await {
        Err(_) => return failed("a round trip took longer than redis.wait_max"),
        Ok(Err(error)) => return failed(&error.to_string()),
        Ok(Ok(replies)) => replies.into_iter(),
    };
    let mut refused = None;
    for ticket in batch {
        let mut values = Vec::with_capacity(ticket.names.len());
        for reply in replies.by_ref().take(ticket.names.len()) {
            values.push(inner.value(reply).unwrap_or_else(|cause| {
                refused = Some(cause);
                None
            }));
        }
        // Who has left needs no answer.
        let _ = ticket.answer.send(values);
    }
    match refused {
        None => live.answered(),
        Some(cause) => failed(&cause),
    }
}

impl Inner {
    /// The error is one of all keys: Redis loads its data, a cluster is down, a right is missing.
    fn value(&self, reply: Reply) -> Result<Option<Bytes>, String> {
        match reply {
            // GETRANGE of what is not there is empty.
            Ok(Value::BulkString(value)) if value.is_empty() => Ok(None),
            Ok(Value::BulkString(value)) if value.len() <= self.settings.entry_bytes_max => {
                Ok(Some(value.into()))
            }
            Err(error) if error.code() != Some(WRONG_TYPE) => Err(error.to_string()),
            // A foreign list or set, or a foreign text that is too long to be one of ours.
            Ok(_) | Err(_) => {
                self.counts.unreadable.add(1);
                Ok(None)
            }
        }
    }
}
