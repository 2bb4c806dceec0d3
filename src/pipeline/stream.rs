//! Stream: chunks of rows until the end, each with the token to resume behind it.
//!
//! No connection is held between statements: while the chunks of one are sent, the next one is
//! under way, and when the reader keeps up a statement brings several chunks.
//!
//! ```text
//! read ──► rows ──► chunk ──► channel of one ──► reader
//!   ▲        │
//!   └────────┘ the next statement begins behind the last row, while chunks are sent
//! ```

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::list::{Ask, Bounds, Probe, Read};
use super::page::{self, limits_with_token};
use super::{Pipeline, one_message, unfit, unseen};
use crate::call::{Call, Notes, Stage};
use crate::error::Error;
use crate::plan::bind::Listing;
use crate::plan::method::Kind;
use crate::plan::{Method, Plans};
use crate::wire::{Page, Payload, Pushed};

/// Chunks of one statement at most, however fast the reader is.
const CHUNKS_AHEAD_MAX: u32 = 16;

/// The messages of a stream; dropping it ends the work.
pub struct Chunks {
    messages: mpsc::Receiver<Result<Payload, Error>>,
    notes: Arc<Mutex<Notes>>,
    work: AbortHandle,
}

impl Chunks {
    pub(super) fn start(
        pipeline: Arc<Pipeline>,
        plans: Arc<Plans>,
        method: Arc<Method>,
        call: Call,
        request: Bytes,
    ) -> Self {
        let (sender, messages) = mpsc::channel(1);
        let notes = Arc::new(Mutex::new(Notes::default()));
        let work = Work { pipeline, plans, method, call, sender, notes: notes.clone() };
        let work = tokio::spawn(work.run(request)).abort_handle();
        Chunks { messages, notes, work }
    }

    /// None at the end; an error is the end too.
    pub async fn next(&mut self) -> Option<Result<Payload, Error>> {
        self.messages.recv().await
    }

    /// Complete once `next` has answered None or an error.
    pub fn notes(&self) -> Notes {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        self.work.abort();
    }
}

pub(super) struct Work {
    pub pipeline: Arc<Pipeline>,
    pub plans: Arc<Plans>,
    pub method: Arc<Method>,
    pub call: Call,
    pub sender: mpsc::Sender<Result<Payload, Error>>,
    pub notes: Arc<Mutex<Notes>>,
}

/// Whether anybody is left to read.
pub(super) enum Reader {
    There,
    Gone,
}

impl Work {
    async fn run(self, request: Bytes) {
        let done = match &self.method.kind {
            Kind::Stream { resource, rows } => self.chunks(*resource, rows.number(), request).await,
            Kind::Function(function) => self.pipeline.stream_function(&self, function, request).await,
            Kind::Unfit(problems) => Err(unfit(&self.method, problems)),
            Kind::Unseen => Err(unseen()),
            _ => Err(one_message(&self.method)),
        };
        if let Err(error) = done {
            self.pipeline.notice(&error);
            // Nobody is left to be told when this fails.
            let _ = self.sender.send(Err(error)).await;
        }
    }

    async fn chunks(&self, resource: usize, rows: u32, request: Bytes) -> Result<(), Error> {
        let started = Instant::now();
        let listing = self.pipeline.bind_list(&self.plans, &self.method, resource, &self.call, request)?;
        self.note(|notes| notes.took(Stage::Bind, started.elapsed()));
        let settings = &self.pipeline.settings;
        let mut pace = Pace::new(&listing, settings.stream_ahead_bytes.max(settings.message_bytes_max));
        let mut ask = Ask::first(&listing);
        let mut read = self.read(&ask, pace.bounds()).await?;
        loop {
            self.remember(&read);
            pace.learn(&read);
            let last = read.tree.taken().checked_sub(1).and_then(|last| read.tree.rows().row(last));
            let (Some(last), true) = (last, read.more) else {
                // The reader may be gone by now, and there is nothing left to do either way.
                return self.send(&listing, &read, rows).await.map(|_| ());
            };
            ask = ask.behind(last, read.total);
            // A row that cannot be sent ends the next read; a read that fails does not keep back
            // the rows before it.
            let send = async { Ok::<_, Error>((self.send(&listing, &read, rows).await?, Instant::now())) };
            let follow = async { Ok((self.read(&ask, pace.bounds()).await, Instant::now())) };
            let ((sent, sent_at), (following, read_at)) = tokio::try_join!(send, follow)?;
            if let Reader::Gone = sent {
                return Ok(());
            }
            pace.adjust(sent_at, read_at);
            read = following?;
        }
    }

    async fn read<'a>(&self, ask: &Ask<'a>, bounds: Bounds) -> Result<Read<'a>, Error> {
        let mut notes = Notes::default();
        let read = self.pipeline.read(&self.plans, ask, bounds, &self.call, &mut notes).await;
        self.note(|all| all.stages_of(notes));
        read
    }

    /// The rows of one statement, chunk by chunk.
    async fn send(&self, listing: &Listing, read: &Read<'_>, rows: u32) -> Result<Reader, Error> {
        let settings = &self.pipeline.settings;
        let level = read.tree.level();
        let mut at = 0;
        while at < read.tree.taken() {
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
            self.note(|notes| notes.took(Stage::Encode, started.elapsed()));
            if self.sender.send(Ok(payload)).await.is_err() {
                return Ok(Reader::Gone);
            }
        }
        Ok(Reader::There)
    }

    fn remember(&self, read: &Read<'_>) {
        self.note(|notes| {
            notes.total = notes.total.or(read.total);
            for path in &read.tree.truncated {
                if !notes.truncated.contains(path) {
                    notes.truncated.push(path.clone());
                }
            }
        });
    }

    pub(super) fn note(&self, note: impl FnOnce(&mut Notes)) {
        note(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// How many rows the next statement asks for.
///
/// It begins with one chunk and doubles while the reader waits for rows rather than the rows for
/// the reader; by the bytes of rows seen it stays within what may be read ahead.
struct Pace {
    chunk: u32,
    chunks: u32,
    bytes_max: usize,
    row_bytes: usize,
}

impl Pace {
    fn new(listing: &Listing, bytes_max: usize) -> Self {
        Pace { chunk: listing.page, chunks: 1, bytes_max, row_bytes: 0 }
    }

    fn bounds(&self) -> Bounds {
        let fitting = self.bytes_max.checked_div(self.row_bytes).unwrap_or(usize::MAX).max(1);
        let wanted = self.chunk.saturating_mul(self.chunks);
        let rows = wanted.min(u32::try_from(fitting).unwrap_or(u32::MAX));
        Bounds { rows, bytes_max: self.bytes_max, probe: Probe::Full }
    }

    fn learn(&mut self, read: &Read<'_>) {
        self.row_bytes = read.tree.rows().bytes().div_ceil(read.tree.taken().max(1));
    }

    fn adjust(&mut self, sent_at: Instant, read_at: Instant) {
        self.chunks = match sent_at < read_at {
            true => (self.chunks * 2).min(CHUNKS_AHEAD_MAX),
            false => (self.chunks / 2).max(1),
        };
    }
}
