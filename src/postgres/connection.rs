//! Commands → one pipeline with one Sync → rows.
//!
//! Who drops it half-way leaves it with answers still to come; `cancel` makes it usable again.

use std::ops::ControlFlow;
use std::time::Instant;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;

use super::answers::{Run, Step};
use super::cancel::CancelKey;
use super::encode::{self, Command};
use super::error::Error;
use super::fixed::Changed;
use super::peer::Peer;
use super::prepared::Prepared;
use super::rows::Rows;
use super::session::{Described, Limit};
use super::settings::{Access, Role};
use super::wire::{Incoming, Wire, failure};

/// One connection; whoever holds it may use it alone.
pub(super) struct Connection {
    pub peer: Peer,
    pub wire: Wire,
    /// ReadyForQuery messages still to come.
    awaited: usize,
    /// The last ReadyForQuery: `I` idle, `T` in a transaction, `E` in a failed one.
    status: u8,
    pub prepared: Prepared,
    pub cancel: CancelKey,
    /// A cancel was sent, and its signal may still come.
    pub cancelling: bool,
    /// Settings last only within a transaction, since a pooler may hand the server to another.
    pub settings: Settings,
    changed: Changed,
    /// Whether the server was a standby when we connected.
    pub standby: bool,
    /// It is no more what it was then: a standby that was promoted keeps its connections.
    pub turned: bool,
    /// What it may be, if that matters.
    pub role: Role,
    /// Of the pool, when it was made.
    pub life: u64,
    pub used: Instant,
    pub ends: Instant,
}

/// For how long a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settings {
    Session,
    Transaction,
}

/// Offsets into rows are 32 bits wide.
const RUN_BYTES_MAX: usize = 1 << 31;

impl Connection {
    pub fn new(peer: Peer, wire: Wire, cancel: CancelKey, statements_max: usize) -> Connection {
        Connection {
            peer,
            wire,
            awaited: 0,
            status: b'I',
            prepared: Prepared::new(statements_max),
            cancel,
            cancelling: false,
            settings: Settings::Session,
            changed: Changed::default(),
            standby: false,
            turned: false,
            role: Role::Any,
            life: 0,
            used: Instant::now(),
            ends: Instant::now(),
        }
    }

    /// Nothing is under way, no cancel either, and no transaction is open.
    pub fn settled(&self) -> bool {
        self.awaited == 0 && self.status == b'I' && self.wire.write.is_empty() && !self.cancelling
    }

    pub fn allow(&mut self, access: Access) {
        self.changed.access = access;
    }

    pub fn access(&self) -> Access {
        self.changed.access
    }

    /// It is no more what we made of it: somebody's function set a setting for the session.
    pub fn estranged(&self) -> bool {
        self.settings == Settings::Session && self.changed.any()
    }

    /// A run can begin: nothing is under way.
    pub fn ready(&self) -> bool {
        self.awaited == 0
    }

    pub fn in_transaction(&self) -> bool {
        self.status != b'I'
    }

    /// Runs the commands in one round trip; gives the rows of each statement among them.
    ///
    /// After an error from Postgres the connection is ready again; when dropped, cut, or failed
    /// otherwise, it is not.
    pub async fn run(&mut self, commands: &[Command<'_>], limit: Limit) -> Result<Vec<Rows>, Error> {
        self.enqueue(|prepared, buffer| encode::commands(commands, prepared, buffer))?;
        let mut run = Run::new(commands);
        let bytes_max = limit.bytes_max.min(RUN_BYTES_MAX);
        let mut bytes_left = bytes_max;
        loop {
            if let Some(rows) = run.receiving() {
                let taken = self.wire.rows(bytes_max, |body| {
                    rows.push(body)?;
                    let left = bytes_left.checked_sub(body.len());
                    bytes_left = left.unwrap_or(0);
                    Ok(left.map_or(ControlFlow::Break(()), |_| ControlFlow::Continue(())))
                });
                if taken?.is_break() {
                    return Ok(run.cut());
                }
            }
            let (prepared, changed) = (&mut self.prepared, &mut self.changed);
            let (standby, turned) = (self.standby, &mut self.turned);
            let step = self.wire.receive(bytes_max, |incoming| {
                hear(&incoming, changed, |now| *turned = now != standby)?;
                run.take(incoming, prepared)
            });
            let step = step.await;
            // A server that ends a connection says why before it does.
            let step = step.map_err(|error| run.failed.take().unwrap_or(error))?;
            match step {
                Step::On => {}
                Step::Row(bytes) => match bytes_left.checked_sub(bytes) {
                    Some(left) => bytes_left = left,
                    None => return Ok(run.cut()),
                },
                Step::Oversized => return Ok(run.cut()),
                Step::Ready(status) => {
                    self.awaited -= 1;
                    self.status = status;
                    self.wire.shrink();
                    return match run.failed.take() {
                        Some(error) => Err(error),
                        None => Ok(run.rows),
                    };
                }
            }
        }
    }

    /// Appends messages that end with a Sync, whole or not at all.
    fn enqueue(
        &mut self,
        write: impl FnOnce(&mut Prepared, &mut BytesMut) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let at = self.wire.write.len();
        let written = write(&mut self.prepared, &mut self.wire.write);
        match written {
            Ok(()) => self.awaited += 1,
            Err(_) => self.wire.write.truncate(at),
        }
        written
    }

    /// Asks for a statement's types without running it.
    pub async fn describe(&mut self, text: &str) -> Result<Described, Error> {
        self.enqueue(|_, buffer| encode::description(text, buffer))?;
        let mut described = Described::default();
        let mut failed = None;
        loop {
            let status = self.wire.receive(0, |incoming| match incoming {
                Incoming::Message(Message::ParameterDescription(body)) => {
                    described.params = body.parameters().collect()?;
                    Ok(None)
                }
                Incoming::Message(Message::RowDescription(body)) => {
                    let columns = body.fields().map(|f| Ok((f.name().to_owned(), f.type_oid())));
                    described.columns = columns.collect()?;
                    Ok(None)
                }
                Incoming::Message(Message::ErrorResponse(body)) => {
                    failed = Some(failure(body.fields()).into());
                    Ok(None)
                }
                Incoming::Message(Message::ReadyForQuery(body)) => Ok(Some(body.status())),
                _ => Ok(None),
            });
            if let Some(status) = status.await? {
                self.awaited -= 1;
                self.status = status;
                return failed.map_or(Ok(described), Err);
            }
        }
    }

    /// Reads and forgets what is under way, and ends a transaction left open.
    pub async fn drain(&mut self) -> Result<(), Error> {
        while self.awaited > 0 {
            let (changed, standby, turned) = (&mut self.changed, self.standby, &mut self.turned);
            let status = self.wire.receive(0, |incoming| {
                hear(&incoming, changed, |now| *turned = now != standby)?;
                match incoming {
                    Incoming::Message(Message::ReadyForQuery(body)) => Ok(Some(body.status())),
                    _ => Ok(None),
                }
            });
            if let Some(status) = status.await? {
                self.awaited -= 1;
                self.status = status;
                self.wire.shrink();
            }
        }
        Ok(())
    }

    /// Ends a transaction left open.
    pub async fn roll_back(&mut self) -> Result<(), Error> {
        if self.status != b'I' {
            self.run(&[Command::Plain("ROLLBACK")], Limit::default()).await?;
        }
        Ok(())
    }
}

/// From version 14 on a server says unasked that it was promoted, behind the next statement.
fn hear(incoming: &Incoming<'_>, changed: &mut Changed, standby: impl FnOnce(bool)) -> Result<(), Error> {
    if let Incoming::Message(Message::ParameterStatus(body)) = incoming {
        match (body.name()?, body.value()?) {
            ("in_hot_standby", value) => standby(value == "on"),
            (name, value) => changed.heard(name, value),
        }
    }
    Ok(())
}

impl Drop for Connection {
    fn drop(&mut self) {
        // So that the server logs no lost client; what does not fit into the socket now is not sent.
        if self.settled() {
            frontend::terminate(&mut self.wire.write);
            self.wire.send_now();
        }
    }
}
