//! Commands → one pipeline with one Sync → rows.
//!
//! Everything a run needs rides in one write: what makes room for prepared statements, BEGIN, the
//! siblings, COMMIT. One Sync ends it, so an error skips the rest, and a pooler sees one transaction.

use std::time::Instant;

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend::{self, BindError};

use super::cancel::CancelKey;
use super::error::Error;
use super::prepared::{Plan, Prepared};
use super::rows::Rows;
use super::session::{Described, Limit};
use super::wire::{Incoming, Wire, failure};
use crate::catalog::Oid;
use crate::sql::Statement;

/// One connection; whoever holds it may use it alone.
pub(super) struct Connection {
    pub wire: Wire,
    /// ReadyForQuery messages still to come.
    awaited: usize,
    /// The last ReadyForQuery: `I` idle, `T` in a transaction, `E` in a failed one.
    status: u8,
    pub prepared: Prepared,
    pub cancel: CancelKey,
    /// Settings last only within a transaction, since a pooler may hand the server to another.
    pub settings: Settings,
    /// Whether the server was a standby when we connected.
    pub standby: bool,
    pub used: Instant,
    pub ends: Instant,
}

/// For how long a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settings {
    Session,
    Transaction,
}

/// One step of a pipeline.
pub(super) enum Command<'a> {
    /// SQL of our own, without parameters, whose rows nobody reads.
    Plain(&'a str),
    Statement(&'a Statement),
    /// The same, never prepared.
    Once(&'a Statement),
}

impl<'a> Command<'a> {
    fn statement(&self) -> Option<&'a Statement> {
        match self {
            Command::Plain(_) => None,
            Command::Statement(statement) | Command::Once(statement) => Some(statement),
        }
    }
}

impl Connection {
    pub fn new(wire: Wire, cancel: CancelKey, statements_max: usize) -> Connection {
        Connection {
            wire,
            awaited: 0,
            status: b'I',
            prepared: Prepared::new(statements_max),
            cancel,
            settings: Settings::Session,
            standby: false,
            used: Instant::now(),
            ends: Instant::now(),
        }
    }

    /// Nothing is under way and no transaction is open.
    pub fn settled(&self) -> bool {
        self.awaited == 0 && self.status == b'I' && self.wire.write.is_empty()
    }

    /// A run can begin: nothing is under way.
    pub fn ready(&self) -> bool {
        self.awaited == 0
    }

    pub fn in_failed_transaction(&self) -> bool {
        self.status == b'E'
    }

    /// Runs the commands in one round trip; gives the rows of each statement among them.
    ///
    /// After an error from Postgres the connection is ready again; when dropped, cut, or failed
    /// otherwise, it is not.
    pub async fn run(&mut self, commands: &[Command<'_>], limit: Limit) -> Result<Vec<Rows>, Error> {
        self.encode(commands)?;
        let mut run = Run::new(commands);
        let mut bytes_left = limit.bytes_max;
        loop {
            let prepared = &mut self.prepared;
            let step = self.wire.receive(limit.bytes_max, |incoming| run.take(incoming, prepared)).await;
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

    fn encode(&mut self, commands: &[Command<'_>]) -> Result<(), Error> {
        let at = self.wire.write.len();
        let encoded = self.encode_all(commands);
        match encoded {
            Ok(()) => self.awaited += 1,
            Err(_) => self.wire.write.truncate(at),
        }
        encoded
    }

    fn encode_all(&mut self, commands: &[Command<'_>]) -> Result<(), Error> {
        let buffer = &mut self.wire.write;
        let mut plans = Vec::with_capacity(commands.len());
        for command in commands {
            let Command::Statement(statement) = command else { continue };
            let (plan, evicted) = self.prepared.plan(statement);
            // First of all, where no error can have skipped them. A name that is to be prepared may be
            // in use from a run that was abandoned; to close one that is not is no error.
            if let Some(name) = &evicted {
                frontend::close(b'S', name, buffer)?;
            }
            if let Plan::Prepare(name) = &plan {
                frontend::close(b'S', name, buffer)?;
            }
            plans.push(plan);
        }
        let mut plans = plans.into_iter();
        for command in commands {
            match command {
                Command::Plain(text) => {
                    frontend::parse("", text, [], buffer)?;
                    let none = std::iter::empty::<()>();
                    frontend::bind("", "", [], none, |(), _| Ok(IsNull::Yes), [], buffer).map_err(bind)?;
                }
                Command::Statement(statement) | Command::Once(statement) => {
                    let plan = match command {
                        Command::Statement(_) => plans.next().unwrap_or(Plan::Unnamed),
                        _ => Plan::Unnamed,
                    };
                    let (name, known): (&str, _) = match &plan {
                        Plan::Unnamed => ("", None),
                        Plan::Prepare(name) => (name, None),
                        Plan::Ready(name) => (name, Some(())),
                    };
                    if known.is_none() {
                        let oids = statement.params.iter().map(|param| param.oid);
                        frontend::parse(name, &statement.text, oids, buffer)?;
                        frontend::describe(b'S', name, buffer)?;
                    }
                    let write = |param: &crate::sql::Param, buffer: &mut bytes::BytesMut| {
                        Ok(match &param.value {
                            Some(value) => {
                                buffer.extend_from_slice(value);
                                IsNull::No
                            }
                            None => IsNull::Yes,
                        })
                    };
                    frontend::bind("", name, [1], &statement.params, write, [1], buffer).map_err(bind)?;
                }
            }
            frontend::execute("", 0, buffer)?;
        }
        frontend::sync(buffer);
        Ok(())
    }

    /// Asks for a statement's types without running it.
    pub async fn describe(&mut self, text: &str) -> Result<Described, Error> {
        let buffer = &mut self.wire.write;
        frontend::parse("", text, [], buffer)?;
        frontend::describe(b'S', "", buffer)?;
        frontend::sync(buffer);
        self.awaited += 1;
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
            let status = self.wire.receive(0, |incoming| match incoming {
                Incoming::Message(Message::ReadyForQuery(body)) => Ok(Some(body.status())),
                _ => Ok(None),
            });
            if let Some(status) = status.await? {
                self.awaited -= 1;
                self.status = status;
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

impl Drop for Connection {
    fn drop(&mut self) {
        // So that the server logs no lost client; what does not fit into the socket now is not sent.
        if self.settled() {
            frontend::terminate(&mut self.wire.write);
            self.wire.send_now();
        }
    }
}

/// The answers to one pipeline, as they come in.
struct Run<'a> {
    commands: &'a [Command<'a>],
    /// The command whose answers come in, and its place among the statements.
    current: usize,
    statement: usize,
    rows: Vec<Rows>,
    failed: Option<Error>,
}

enum Step {
    On,
    /// A row of this many bytes was kept.
    Row(usize),
    Oversized,
    Ready(u8),
}

impl<'a> Run<'a> {
    fn new(commands: &'a [Command<'a>]) -> Run<'a> {
        let statements = commands.iter().filter_map(Command::statement).count();
        Run { commands, current: 0, statement: 0, rows: vec![Rows::default(); statements], failed: None }
    }

    fn take(&mut self, incoming: Incoming<'_>, prepared: &mut Prepared) -> Result<Step, Error> {
        let command = self.commands.get(self.current).filter(|_| self.failed.is_none());
        let statement = command.and_then(Command::statement);
        let rows = self.rows.get_mut(self.statement).filter(|_| statement.is_some());
        match incoming {
            Incoming::Row(body) => {
                if let Some(rows) = rows {
                    rows.push(body)?;
                    return Ok(Step::Row(body.len()));
                }
            }
            Incoming::Oversized(bytes) => {
                if let Some(rows) = rows {
                    rows.oversized = Some(bytes);
                    return Ok(Step::Oversized);
                }
            }
            Incoming::Message(Message::RowDescription(body)) => {
                if let Some(statement) = statement {
                    let columns: Vec<Oid> = body.fields().map(|f| Ok(f.type_oid())).collect()?;
                    let expected = &statement.columns;
                    if !expected.is_empty() && **expected != *columns {
                        return Err(Error::CatalogChanged(format!(
                            "a result has the types {columns:?}, the plan expects {expected:?}"
                        )));
                    }
                    prepared.answered(statement, &columns);
                }
            }
            Incoming::Message(Message::NoData) => {
                if let Some(statement) = statement {
                    prepared.answered(statement, &[]);
                }
            }
            Incoming::Message(Message::CommandComplete(_) | Message::EmptyQueryResponse) => {
                self.current += 1;
                self.statement += usize::from(statement.is_some());
            }
            Incoming::Message(Message::ErrorResponse(body)) => {
                self.failed.get_or_insert(failure(body.fields()).into());
            }
            Incoming::Message(Message::ReadyForQuery(body)) => return Ok(Step::Ready(body.status())),
            Incoming::Message(Message::CopyInResponse(_) | Message::CopyOutResponse(_)) => {
                return Err(Error::Protocol("COPY is not a statement with rows".to_owned()));
            }
            Incoming::Message(_) => {}
        }
        Ok(Step::On)
    }

    /// Marks the statement at which the limit was reached and those after it, which have no rows.
    fn cut(mut self) -> Vec<Rows> {
        self.rows.iter_mut().skip(self.statement).for_each(|rows| rows.cut = true);
        self.rows
    }
}

fn bind(error: BindError) -> Error {
    match error {
        BindError::Conversion(error) => Error::Protocol(error.to_string()),
        BindError::Serialization(error) => error.into(),
    }
}
