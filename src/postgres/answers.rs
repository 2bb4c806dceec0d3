//! The messages that answer a pipeline → rows for each of its statements, or why there are none.

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::Message;

use super::encode::Command;
use super::error::Error;
use super::prepared::Prepared;
use super::rows::Rows;
use super::wire::{Incoming, failure};
use crate::catalog::Oid;

/// The answers to one pipeline, as they come in.
pub(super) struct Run<'a> {
    commands: &'a [Command<'a>],
    /// The command whose answers come in, and its place among the statements.
    current: usize,
    statement: usize,
    pub rows: Vec<Rows>,
    pub failed: Option<Error>,
}

pub(super) enum Step {
    On,
    /// A row of this many bytes was kept.
    Row(usize),
    Oversized,
    Ready(u8),
}

impl<'a> Run<'a> {
    pub fn new(commands: &'a [Command<'a>]) -> Run<'a> {
        let statements = commands.iter().filter_map(Command::statement).count();
        Run { commands, current: 0, statement: 0, rows: vec![Rows::default(); statements], failed: None }
    }

    /// Where the next row goes; None when nobody wants it.
    pub fn receiving(&mut self) -> Option<&mut Rows> {
        let command = self.commands.get(self.current).filter(|_| self.failed.is_none());
        command.and_then(Command::statement)?;
        self.rows.get_mut(self.statement)
    }

    pub fn take(&mut self, incoming: Incoming<'_>, prepared: &mut Prepared) -> Result<Step, Error> {
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
    pub fn cut(mut self) -> Vec<Rows> {
        self.rows.iter_mut().skip(self.statement).for_each(|rows| rows.cut = true);
        self.rows
    }
}
