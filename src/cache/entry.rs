//! An answer as it is kept: its bytes, what the pipeline needs beside them, and what proves it.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use super::Label;
use crate::wire::{Encoding, Payload};

/// One kept answer. Nothing here knows what the bytes mean.
#[derive(Debug)]
pub struct Entry {
    /// None: there is no such row.
    pub payload: Option<Payload>,
    /// The pipeline's own, in its own form: totals, truncated paths, where a stream goes on.
    pub aside: Box<[u8]>,
    pub proof: Proof,
    /// When it was read, for `age` and `max-age`.
    pub read_at: SystemTime,
    /// It is not served after this, however fresh.
    pub expires: Instant,
    /// An entry that nobody asks for is not kept for longer.
    pub idle_max: Duration,
    // Boxed, since most entries have none.
    gzip: OnceLock<Box<Bytes>>,
    zstd: OnceLock<Box<Bytes>>,
    /// The label's, as text, once one was asked for.
    token: OnceLock<Box<[u8]>>,
}

/// Why an entry may be served.
#[derive(Debug)]
pub enum Proof {
    /// By the rule.
    Label(Label),
    /// The contract allows it until it expires. Never shared with other processes.
    TimeToLive,
    /// Nothing does: it is for the call that read it.
    None,
}

/// Beside the bytes themselves: the entry, its key and token, and the cache's own bookkeeping, as the process grows by them.
const OVERHEAD_BYTES: usize = 800;

impl Entry {
    pub fn new(
        payload: Option<Payload>,
        aside: Bytes,
        proof: Proof,
        read_at: SystemTime,
        expires: Instant,
        idle_max: Duration,
    ) -> Self {
        let aside = Box::from(&*aside);
        let (gzip, zstd, token) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Entry { payload, aside, proof, read_at, expires, idle_max, gzip, zstd, token }
    }

    pub fn label(&self) -> Option<&Label> {
        match &self.proof {
            Proof::Label(label) => Some(label),
            Proof::TimeToLive | Proof::None => None,
        }
    }

    /// What its reader has seen, as `rowcall-token` has it.
    pub fn token(&self) -> Option<Bytes> {
        let label = self.label()?;
        let token = self.token.get_or_init(|| label.token().to_string().into_bytes().into());
        Some(Bytes::copy_from_slice(token))
    }

    /// How long it may be served still; nothing once it has expired.
    pub fn left(&self, now: Instant) -> Duration {
        self.expires.saturating_duration_since(now)
    }

    /// The compressed frame, once one was asked for.
    pub fn packed(&self, encoding: Encoding) -> Option<&Bytes> {
        self.place(encoding).get().map(|frame| &**frame)
    }

    /// Keeps a compressed frame; who comes second changes nothing.
    pub fn pack(&self, encoding: Encoding, frame: Bytes) {
        let _ = self.place(encoding).set(frame.into());
    }

    fn place(&self, encoding: Encoding) -> &OnceLock<Box<Bytes>> {
        match encoding {
            Encoding::Gzip => &self.gzip,
            Encoding::Zstd => &self.zstd,
        }
    }

    /// What it takes up, compressed frames included.
    pub fn bytes(&self) -> usize {
        let label = match &self.proof {
            Proof::Label(label) => label.bytes(),
            Proof::TimeToLive | Proof::None => 0,
        };
        let packed = [&self.gzip, &self.zstd].into_iter().filter_map(OnceLock::get).map(|frame| frame.len());
        let payload = self.payload.as_ref().map_or(0, |payload| payload.frame().len());
        OVERHEAD_BYTES + payload + self.aside.len() + label + packed.sum::<usize>()
    }
}
