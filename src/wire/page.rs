//! Rows → the response of a List, BatchGet or Stream: a repeated field that ends before it grows too large.

use bytes::BufMut;

use super::error::Error;
use super::payload::{HEADER_BYTES, Payload, buffer};
use super::rows::{Columns, Level};
use super::{put, row};
use crate::plan::Projection;

/// How large a page may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A page ends rather than pass this, but never before its first row.
    pub page_bytes_max: usize,
    /// What a message may have at most, and so a row.
    pub message_bytes_max: usize,
}

/// A response being written.
#[derive(Debug)]
pub struct Page {
    out: Vec<u8>,
    rows_field: u32,
    rows: usize,
    limits: Limits,
}

/// A page → its rows' messages, which stand in front of whatever else it has.
pub fn messages(mut page: &[u8], rows_field: u32) -> impl Iterator<Item = &[u8]> {
    let mut tag = Vec::new();
    put::tag(&mut tag, rows_field, put::DELIMITED);
    std::iter::from_fn(move || {
        let mut rest = page.strip_prefix(&tag[..])?;
        let length = prost::decode_length_delimiter(&mut rest).ok()?;
        let (row, behind) = rest.split_at_checked(length)?;
        page = behind;
        Some(row)
    })
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    Taken,
    /// The page ends before this row.
    Full,
}

impl Page {
    pub fn new(rows_field: u32, limits: Limits) -> Self {
        Page { out: buffer(), rows_field, rows: 0, limits }
    }

    /// Makes room for rows of about so many bytes at once, which would else grow step by step.
    pub fn expecting(mut self, bytes: usize) -> Self {
        self.out.reserve(bytes.min(self.limits.page_bytes_max));
        self
    }

    /// A resource's row. After an error the page is as it was before.
    pub fn push<R: Columns>(
        &mut self,
        projection: &Projection,
        level: &Level<R>,
        row: usize,
    ) -> Result<Pushed, Error> {
        self.push_with(|out| row::row(projection, level, row, out), || row::row_name(projection, level, row))
    }

    fn push_with(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
        name: impl FnOnce() -> String,
    ) -> Result<Pushed, Error> {
        let start = self.out.len();
        put::tag(&mut self.out, self.rows_field, put::DELIMITED);
        if let Err(error) = put::delimited(&mut self.out, write) {
            self.out.truncate(start);
            return Err(error);
        }
        if self.bytes() <= self.limits.page_bytes_max {
            self.rows += 1;
            return Ok(Pushed::Taken);
        }
        let bytes = self.out.len() - start;
        if bytes > self.limits.message_bytes_max {
            self.out.truncate(start);
            return Err(Error::RowTooLarge { row: name(), bytes, bytes_max: self.limits.message_bytes_max });
        }
        if self.rows > 0 {
            self.out.truncate(start);
            return Ok(Pushed::Full);
        }
        self.rows = 1;
        Ok(Pushed::Taken)
    }

    /// A row that is a message already.
    pub fn push_message(&mut self, message: &[u8]) -> Pushed {
        let start = self.out.len();
        put::tag(&mut self.out, self.rows_field, put::DELIMITED);
        put::bytes(&mut self.out, message);
        if self.bytes() > self.limits.page_bytes_max && self.rows > 0 {
            self.out.truncate(start);
            return Pushed::Full;
        }
        self.rows += 1;
        Pushed::Taken
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Of the message so far.
    pub fn bytes(&self) -> usize {
        self.out.len() - HEADER_BYTES
    }

    /// A string beside the rows; an empty one is left out.
    pub fn string_field(&mut self, number: u32, text: &str) {
        if !text.is_empty() {
            put::tag(&mut self.out, number, put::DELIMITED);
            put::bytes(&mut self.out, text.as_bytes());
        }
    }

    /// An int32 or int64 beside the rows; zero is left out.
    pub fn int_field(&mut self, number: u32, n: i64) {
        put::integer_field(&mut self.out, number, n);
    }

    /// Bytes that are fields already.
    pub fn fields(&mut self, encoded: &[u8]) {
        self.out.put_slice(encoded);
    }

    pub fn finish(self) -> Payload {
        Payload::close(self.out)
    }
}
