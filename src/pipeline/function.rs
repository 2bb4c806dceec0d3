//! Functions and files of SQL: arguments → rows, read whole and within a limit, then sent.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::keep::{Read, Shows};
use super::page::limits;
use super::stream::Work;
use super::{Pipeline, decode};
use crate::cache::Tag;
use crate::call::{Bypass, Call, Notes, Stage};
use crate::contract::{Place, Problem};
use crate::error::Error;
use crate::plan::bind;
use crate::plan::method::{Answer, Function, FunctionCall};
use crate::plan::{Method, Plans};
use crate::postgres::{Ending, Limit, Mode, Rows, Seen, Server, Sight, StatementTimeout, Want};
use crate::sql::{self, About, Guard, Statement};
use crate::wire::{self, Level, Payload, Pushed};

impl Pipeline {
    pub(super) async fn function(
        &self,
        plans: &Arc<Plans>,
        method: &Method,
        function: &Function,
        call: &Call,
        request: Bytes,
        notes: &mut Notes,
    ) -> Result<Payload, Error> {
        let rows = self.run_function(plans, method, function, call, request, notes).await?;
        let started = Instant::now();
        let level = Level { rows: rows.iter().collect(), children: Vec::new() };
        let payload = match function.answer {
            Answer::Message | Answer::StreamOfMessages => match rows.len() {
                0 => {
                    return Err(Error::Missing {
                        kind: method.output.full_name().to_owned(),
                        names: vec![method.path.clone()],
                    });
                }
                1 => wire::message(&function.row.projection, &level, 0, self.settings.message_bytes_max)?,
                several => return Err(several_rows(method, several)),
            },
            Answer::Repeated { number } | Answer::StreamOfChunks { number } => {
                let bytes_max = self.settings.message_bytes_max;
                let mut page = wire::Page::new(number, limits(&self.settings, bytes_max));
                for at in 0..rows.len() {
                    if let Pushed::Full = page.push(&function.row.projection, &level, at)? {
                        return Err(Error::ResultTooLarge { bytes_max });
                    }
                }
                page.finish()
            }
        };
        notes.took(Stage::Encode, started);
        Ok(payload)
    }

    /// There is no key to go on from, so the rows are all here before the first is sent.
    pub(super) async fn stream_function(
        &self,
        work: &Work,
        function: &Function,
        request: Bytes,
    ) -> Result<(), Error> {
        let mut notes = Notes::default();
        let ran =
            self.run_function(&work.plans, &work.method, function, &work.call, request, &mut notes).await;
        work.output.note(|all| all.stages_of(notes));
        let rows = ran?;
        let level = Level { rows: rows.iter().collect(), children: Vec::new() };
        // There is no reading less of it, so without a share nothing is kept for a slow caller.
        let share = self.streams.share(rows.bytes()).ok_or(Error::StreamsLoaded)?;
        let mut at = 0;
        while at < rows.len() {
            let Some(room) = work.room().await? else { return Ok(()) };
            let payload = match function.answer {
                Answer::StreamOfChunks { number } | Answer::Repeated { number } => {
                    let mut page =
                        wire::Page::new(number, limits(&self.settings, self.settings.page_bytes_max));
                    let first = at;
                    while at < rows.len() && at - first < self.settings.limits.page_max as usize {
                        match page.push(&function.row.projection, &level, at)? {
                            Pushed::Taken => at += 1,
                            Pushed::Full => break,
                        }
                    }
                    page.finish()
                }
                Answer::Message | Answer::StreamOfMessages => {
                    at += 1;
                    let bytes_max = self.settings.message_bytes_max;
                    wire::message(&function.row.projection, &level, at - 1, bytes_max)?
                }
            };
            room.send(payload.with(share.clone()));
        }
        Ok(())
    }

    async fn run_function(
        &self,
        plans: &Plans,
        method: &Method,
        function: &Function,
        call: &Call,
        request: Bytes,
        notes: &mut Notes,
    ) -> Result<Rows, Error> {
        let course = self.keeper.unkept(Bypass::Function, call, notes)?;
        let started = Instant::now();
        let params = bind::function(function, decode(plans, method, request)?)?;
        let mut statement = sql::call(function, &params);
        if let FunctionCall::Query(_) = function.call {
            // A file has no name in the database.
            let name = method.path.rsplit('/').next().unwrap_or_default().to_owned();
            statement.about = Some(About { summary: format!("QUERY {name}"), collection: name }.into());
        }
        notes.took(Stage::Bind, started);
        // A function that is not volatile reads with the snapshot it was called with, however long it
        // waits for a table; nobody knows which until it has run. A file of SQL may call such a one.
        let (mode, guard) = match function.volatile {
            true => (Mode::Single, Guard::default()),
            false => (Mode::Snapshot, Guard { lock: None, check: true }),
        };
        let run = Run { pipeline: self, call, statement, mode, guard };
        Ok(self.keeper.current(&course, &run, &self.servers, notes).await?.rows)
    }
}

/// A function to be run.
struct Run<'a> {
    pipeline: &'a Pipeline,
    call: &'a Call,
    statement: Statement,
    mode: Mode,
    guard: Guard,
}

/// What a function has answered.
struct Ran {
    rows: Rows,
    seen: Option<Seen>,
}

impl Shows for Ran {
    fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }
}

impl Read for Run<'_> {
    type Answer = Ran;

    async fn read(&self, server: &Server, sight: Sight, notes: &mut Notes) -> Result<Ran, Error> {
        let Run { pipeline, call, statement, mode, guard } = self;
        let (mode, statement_timeout) = (*mode, StatementTimeout::PerCall);
        let want = |deadline| Want { deadline, mode, statement_timeout, sight };
        let mut session = pipeline.session(server, call, want, notes).await?.guarded(guard.clone());
        let started = Instant::now();
        let bytes_max = pipeline.settings.function_bytes_max;
        let ran = session.run(std::slice::from_ref(statement), Ending::Last, Limit { bytes_max }).await;
        notes.took(Stage::Execute, started);
        let rows = ran?.pop().unwrap_or_default();
        if rows.cut {
            return Err(Error::ResultTooLarge { bytes_max });
        }
        Ok(Ran { rows, seen: session.take_seen() })
    }

    /// Nobody knows what a function reads.
    fn tags(&self) -> Vec<Tag> {
        Vec::new()
    }
}

/// The contract promises one message and the database has several rows.
fn several_rows(method: &Method, rows: usize) -> Error {
    let text = format!(
        "answers with {rows} rows where the contract has one message: answer with a repeated field, or with one row"
    );
    let problem = Problem { place: Place::default(), subject: method.path.clone(), text };
    Error::Unfit { subject: method.path.clone(), problems: [problem].into() }
}
