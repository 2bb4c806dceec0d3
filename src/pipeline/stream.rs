//! Stream: chunks of rows until the end, each with the token to resume behind it.
//!
//! No connection is held between statements: while the chunks of one are sent, the next one is
//! under way, and when the reader keeps up a statement brings several chunks.
//!
//! ```text
//! read ──► rows ──► chunk ──► channel of one ──► reader
//!   ▲        │        ▲
//!   └────────┘        └─── a kept chunk that may be served; it says where to go on
//!     the next statement begins behind the last row, while chunks are sent; without a
//!     share of what all streams may hold, when they have been sent
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc::Permit;

use super::ahead::Share;
use super::chunks::Output;
use super::keep::{Course, Look};
use super::kept_chunks::Kept;
use super::list::{Ask, Bounds, Read};
use super::pace::{Pace, Step};
use super::page::{self, limits_with_token};
use super::{Pipeline, keep, one_message, unfit, unseen};
use crate::cache::Tag;
use crate::call::{Call, Notes, Stage};
use crate::error::Error;
use crate::plan::method::Kind;
use crate::plan::{Method, Plans};
use crate::postgres::{Server, Sight};
use crate::wire::{Page, Payload, Pushed};

/// What streams may take up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Streams at once.
    pub streams_max: usize,
    /// Time a reader may take nothing.
    pub stall_max: Duration,
    /// Bytes of rows one stream reads ahead of its reader.
    pub ahead_bytes: usize,
    /// Bytes all streams together hold for their readers.
    pub ahead_total_bytes: usize,
}

pub(super) struct Work {
    pub pipeline: Arc<Pipeline>,
    pub plans: Arc<Plans>,
    pub method: Arc<Method>,
    pub call: Call,
    pub output: Output,
}

/// The rows of one statement, to be read.
struct Rows<'w, 'a> {
    work: &'w Work,
    chunks: &'w Kept<'w>,
    ask: &'w Ask<'a>,
    bounds: Bounds,
}

impl<'a> keep::Read for Rows<'_, 'a> {
    type Answer = Read<'a>;

    async fn read(&self, server: &Server, sight: Sight, notes: &mut Notes) -> Result<Read<'a>, Error> {
        let Rows { work: Work { pipeline, plans, call, .. }, ask, bounds, .. } = *self;
        pipeline.read(plans, ask, bounds, (server, sight), call, notes).await
    }

    fn tags(&self) -> Vec<Tag> {
        self.chunks.tags()
    }
}

/// What is said of a reading; the stream has it when the reading ends, however it does.
struct Noted<'a> {
    notes: Notes,
    output: &'a Output,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.notes.cut();
        let notes = std::mem::take(&mut self.notes);
        self.output.note(|all| {
            all.stages_of(notes);
            all.under_way = None;
        });
    }
}

/// Whether anybody is left to read.
enum Reader {
    There,
    Gone,
}

impl Work {
    pub async fn run(self, request: Bytes) {
        let done = match &self.method.kind {
            Kind::Stream { resource, rows } => self.chunks(*resource, rows.number(), request).await,
            Kind::Function(function) => self.pipeline.stream_function(&self, function, request).await,
            Kind::Unfit(problems) => Err(unfit(&self.method, problems)),
            Kind::Unseen => Err(unseen()),
            _ => Err(one_message(&self.method)),
        };
        if let Err(error) = &done {
            self.pipeline.notice(error);
        }
        self.output.end(done);
    }

    async fn chunks(&self, resource: usize, rows: u32, request: Bytes) -> Result<(), Error> {
        let started = Instant::now();
        let listing = self.pipeline.bind_list(&self.plans, &self.method, resource, &self.call, request)?;
        let terms = self.pipeline.terms(&self.plans, &listing);
        self.output.note(|notes| notes.took(Stage::Bind, started));
        let chunks = Kept { work: self, listing: &listing, terms: &terms };
        let (settings, streams) = (&self.pipeline.settings, &self.pipeline.streams);
        let ahead_bytes = settings.stream.ahead_bytes.max(settings.message_bytes_max);
        let mut pace = Pace::new(listing.page, ahead_bytes);
        let mut ask = Ask::first(&listing);
        let Some(mut course) = chunks.send_kept(&mut ask).await? else { return Ok(()) };
        let Step { bounds, mut share } = pace.step(streams);
        let mut read = self.read(&chunks, &ask, bounds, &course).await?;
        loop {
            self.remember(&read);
            pace.learn(&read);
            let last = read.tree.taken().checked_sub(1).and_then(|last| read.tree.rows().row(last));
            let (Some(last), true) = (last, read.more) else {
                // The reader may be gone by now, and there is nothing left to do either way.
                return self.send(&chunks, &course, &ask, &read, share.as_ref(), rows).await.map(|_| ());
            };
            let behind = ask.behind(last, read.total);
            let next = chunks.look(&behind)?;
            let sent = self.send(&chunks, &course, &ask, &read, share.as_ref(), rows);
            let next = match next {
                Look::Read(next) => next,
                // Nothing is read ahead of what is kept.
                Look::Hit(_) => {
                    if let Reader::Gone = sent.await? {
                        return Ok(());
                    }
                    drop((read, share.take()));
                    ask = behind;
                    let Some(next) = chunks.send_kept(&mut ask).await? else { return Ok(()) };
                    course = next;
                    let step = pace.step(streams);
                    (read, share) = (self.read(&chunks, &ask, step.bounds, &course).await?, step.share);
                    continue;
                }
            };
            match pace.step(streams) {
                Step { bounds, share: Some(ahead) } => {
                    // A row that cannot be sent ends the next read; a read that fails does not keep
                    // back the rows before it.
                    let sent = async { Ok::<_, Error>((sent.await?, Instant::now())) };
                    let follow =
                        async { Ok((self.read(&chunks, &behind, bounds, &next).await, Instant::now())) };
                    let ((sent, sent_at), (following, read_at)) = tokio::try_join!(sent, follow)?;
                    if let Reader::Gone = sent {
                        return Ok(());
                    }
                    pace.adjust(sent_at, read_at);
                    (read, share) = (following?, Some(ahead));
                }
                Step { share: None, .. } => {
                    if let Reader::Gone = sent.await? {
                        return Ok(());
                    }
                    drop((read, share.take()));
                    // Others may have given back theirs meanwhile.
                    let step = pace.step(streams);
                    (read, share) = (self.read(&chunks, &behind, step.bounds, &next).await?, step.share);
                }
            }
            (ask, course) = (behind, next);
        }
    }

    async fn read<'a>(
        &self,
        chunks: &Kept<'_>,
        ask: &Ask<'a>,
        bounds: Bounds,
        course: &Course,
    ) -> Result<Read<'a>, Error> {
        // Who is told of the stream's end meanwhile is told so much.
        self.output.note(|all| all.enter(Stage::Execute));
        let mut noted = Noted { notes: Notes::default(), output: &self.output };
        let rows = Rows { work: self, chunks, ask, bounds };
        self.pipeline.keeper.current(course, &rows, &self.pipeline.servers, &mut noted.notes).await
    }

    /// The rows of one statement, chunk by chunk.
    async fn send(
        &self,
        chunks: &Kept<'_>,
        course: &Course,
        ask: &Ask<'_>,
        read: &Read<'_>,
        share: Option<&Share>,
        rows: u32,
    ) -> Result<Reader, Error> {
        let (settings, listing) = (&self.pipeline.settings, chunks.listing);
        let level = read.tree.level();
        let (mut at, mut asked) = (0, None);
        while at < read.tree.taken() {
            let Some(room) = self.room().await? else { return Ok(Reader::Gone) };
            let started = Instant::now();
            let mut page = Page::new(rows, limits_with_token(settings));
            let first = at;
            while at < read.tree.taken() && at - first < listing.page as usize {
                match page.push(&listing.projection, &level, at)? {
                    Pushed::Taken => at += 1,
                    Pushed::Full => break,
                }
            }
            let token = self.pipeline.token(listing, level.rows[at - 1], read.total);
            page::token(&mut page, &self.method, "resume_token", &token, settings)?;
            let payload = page.finish();
            self.output.note(|notes| notes.took(Stage::Encode, started));
            if course.key.is_some() || course.proves() {
                let more = read.more || at < read.tree.taken();
                let behind = ask.behind(level.rows[at - 1], read.total);
                chunks.keep(course, asked.as_ref().unwrap_or(ask), read, payload.clone(), (&behind, more));
                asked = Some(behind);
            }
            room.send(match share {
                Some(share) => payload.with(share.clone()),
                None => payload,
            });
        }
        Ok(Reader::There)
    }

    /// A place for one more message; None when nobody is left to read it.
    pub async fn room(&self) -> Result<Option<Permit<'_, Payload>>, Error> {
        self.output.room(&self.call, self.pipeline.settings.stream.stall_max).await
    }

    fn remember(&self, read: &Read<'_>) {
        self.output.note(|notes| {
            notes.total = notes.total.or(read.total);
            for path in &read.tree.truncated {
                if !notes.truncated.contains(path) {
                    notes.truncated.push(path.clone());
                }
            }
        });
    }
}
