//! How a stream went so far → how many rows its next statement asks for.
//!
//! It begins with one chunk and doubles while the reader waits for rows rather than the rows for the
//! reader; by the bytes of rows seen it stays within what may be read ahead.

use std::time::Instant;

use super::ahead::{Share, Streams};
use super::list::{Bounds, Probe, Read};

/// Chunks of one statement at most, however fast the reader is.
const CHUNKS_MAX: u32 = 16;

/// Rows of one statement when all streams together hold as much as they may.
const LITTLE_BYTES: usize = 64 * 1024;

/// Of a row, before any was seen.
const ROW_BYTES: usize = 1024;

pub(super) struct Pace {
    chunk: u32,
    chunks: u32,
    bytes_max: usize,
    /// None before any was seen.
    row_bytes: Option<usize>,
}

/// What the next statement may bring.
pub(super) struct Step {
    pub bounds: Bounds,
    /// None: it must not be read before its reader has taken what there is.
    pub share: Option<Share>,
}

impl Pace {
    pub fn new(chunk: u32, bytes_max: usize) -> Self {
        Pace { chunk, chunks: 1, bytes_max, row_bytes: None }
    }

    /// As far as the pace has come, or as far as there is a share for.
    pub fn step(&self, streams: &Streams) -> Step {
        let mut chunks = self.chunks;
        loop {
            let rows = self.rows(chunks, self.bytes_max, self.row_bytes);
            // As Postgres sent them, and as messages.
            let bytes = self.guess().saturating_mul(rows as usize).saturating_mul(2);
            if let Some(share) = streams.share(bytes) {
                return Step { bounds: self.bounds(rows), share: Some(share) };
            }
            if chunks == 1 {
                let rows = self.rows(1, LITTLE_BYTES, Some(self.guess()));
                return Step { bounds: self.bounds(rows), share: None };
            }
            chunks /= 2;
        }
    }

    fn guess(&self) -> usize {
        self.row_bytes.unwrap_or(ROW_BYTES)
    }

    fn rows(&self, chunks: u32, bytes_max: usize, row_bytes: Option<usize>) -> u32 {
        let fitting = row_bytes.map_or(usize::MAX, |bytes| (bytes_max / bytes.max(1)).max(1));
        self.chunk.saturating_mul(chunks).min(u32::try_from(fitting).unwrap_or(u32::MAX))
    }

    fn bounds(&self, rows: u32) -> Bounds {
        Bounds { rows, bytes_max: self.bytes_max, probe: Probe::Full }
    }

    pub fn learn(&mut self, read: &Read<'_>) {
        self.row_bytes = Some(read.tree.bytes().div_ceil(read.tree.taken().max(1)));
    }

    pub fn adjust(&mut self, sent_at: Instant, read_at: Instant) {
        self.chunks = match sent_at < read_at {
            true => (self.chunks * 2).min(CHUNKS_MAX),
            false => (self.chunks / 2).max(1),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pipeline::stream::Settings;

    fn streams(ahead_total_bytes: usize) -> Streams {
        let stall_max = Duration::from_secs(1);
        Streams::new(&Settings { streams_max: 1, stall_max, ahead_bytes: 0, ahead_total_bytes })
    }

    #[test]
    fn a_fast_reader_gets_more_at_once_as_far_as_there_are_shares() {
        let mut pace = Pace { chunk: 100, chunks: 1, bytes_max: 1 << 20, row_bytes: Some(100) };
        let (early, late) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        for _ in 0..9 {
            pace.adjust(early, late);
        }
        assert_eq!(pace.step(&streams(1 << 30)).bounds.rows, 100 * CHUNKS_MAX);
        // Rows and their messages are 20,000 bytes a chunk.
        let step = pace.step(&streams(100_000));
        assert_eq!((step.bounds.rows, step.share.is_some()), (400, true));
        pace.adjust(late, early);
        assert_eq!(pace.step(&streams(1 << 30)).bounds.rows, 100 * CHUNKS_MAX / 2);
    }

    #[test]
    fn without_a_share_a_statement_brings_little() {
        let step = Pace::new(1_000, 1 << 22).step(&streams(0));
        assert_eq!((step.bounds.rows, step.share.is_none()), (64, true));
        let large = Pace { chunk: 10, chunks: 1, bytes_max: 1 << 22, row_bytes: Some(1 << 20) };
        assert_eq!(large.step(&streams(0)).bounds.rows, 1);
        assert_eq!(large.step(&streams(1 << 30)).bounds.rows, 4);
    }
}
