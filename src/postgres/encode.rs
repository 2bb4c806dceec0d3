//! Commands → messages that end with one Sync.
//!
//! Everything a run needs rides in one write: what makes room for prepared statements, BEGIN, the
//! siblings, COMMIT. With one Sync an error skips the rest, and a pooler sees one transaction.

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend::{self, BindError};

use super::error::Error;
use super::prepared::{Plan, Prepared};
use crate::sql::{Param, Statement};

/// One step of a pipeline.
pub(super) enum Command<'a> {
    /// SQL of our own, without parameters, whose rows nobody reads.
    Plain(&'a str),
    Statement(&'a Statement),
    /// The same, never prepared.
    Once(&'a Statement),
}

impl<'a> Command<'a> {
    pub fn statement(&self) -> Option<&'a Statement> {
        match self {
            Command::Plain(_) => None,
            Command::Statement(statement) | Command::Once(statement) => Some(statement),
        }
    }
}

pub(super) fn commands(
    commands: &[Command<'_>],
    prepared: &mut Prepared,
    buffer: &mut BytesMut,
) -> Result<(), Error> {
    let mut plans = plans(commands, prepared, buffer)?.into_iter();
    for command in commands {
        match command {
            Command::Plain(text) => plain(text, buffer)?,
            Command::Once(statement) => run(statement, &Plan::Unnamed, buffer)?,
            Command::Statement(statement) => {
                run(statement, &plans.next().unwrap_or(Plan::Unnamed), buffer)?;
            }
        }
        frontend::execute("", 0, buffer)?;
    }
    frontend::sync(buffer);
    Ok(())
}

/// Decides how each statement runs, and closes what that needs closed.
fn plans(
    commands: &[Command<'_>],
    prepared: &mut Prepared,
    buffer: &mut BytesMut,
) -> Result<Vec<Plan>, Error> {
    prepared.begin();
    let mut plans = Vec::with_capacity(commands.len());
    for command in commands {
        let Command::Statement(statement) = command else { continue };
        let (plan, evicted) = prepared.plan(statement);
        // First of all, where no error can have skipped it.
        if let Some(name) = &evicted {
            frontend::close(b'S', name, buffer)?;
        }
        plans.push(match plan {
            Plan::Prepare(name) => {
                // The name may be in use, from a run that was abandoned; if not, this is no error.
                frontend::close(b'S', &name, buffer)?;
                Plan::Prepare(name)
            }
            plan => plan,
        });
    }
    Ok(plans)
}

fn plain(text: &str, buffer: &mut BytesMut) -> Result<(), Error> {
    frontend::parse("", text, [], buffer)?;
    let none = std::iter::empty::<()>();
    frontend::bind("", "", [], none, |(), _| Ok(IsNull::Yes), [], buffer).map_err(bind)
}

fn run(statement: &Statement, plan: &Plan, buffer: &mut BytesMut) -> Result<(), Error> {
    let name = match plan {
        Plan::Unnamed => "",
        Plan::Prepare(name) | Plan::Ready(name) => name,
    };
    if !matches!(plan, Plan::Ready(_)) {
        let oids = statement.params.iter().map(|param| param.oid);
        frontend::parse(name, &statement.text, oids, buffer)?;
        frontend::describe(b'S', name, buffer)?;
    }
    let write = |param: &Param, buffer: &mut BytesMut| {
        let Some(value) = &param.value else { return Ok(IsNull::Yes) };
        buffer.extend_from_slice(value);
        Ok(IsNull::No)
    };
    // One format each for all parameters and all columns: binary.
    frontend::bind("", name, [1], &statement.params, write, [1], buffer).map_err(bind)
}

/// Asks for a statement's types without running it.
pub(super) fn description(text: &str, buffer: &mut BytesMut) -> Result<(), Error> {
    frontend::parse("", text, [], buffer)?;
    frontend::describe(b'S', "", buffer)?;
    frontend::sync(buffer);
    Ok(())
}

fn bind(error: BindError) -> Error {
    match error {
        BindError::Conversion(error) => Error::Protocol(error.to_string()),
        BindError::Serialization(error) => error.into(),
    }
}
