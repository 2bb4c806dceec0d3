//! What a caller has written or seen ↔ the text it carries to the reads that must not be older.
//!
//! It needs no secrecy and has no key: a transaction id tells nobody anything, and who makes one up makes only their own
//! reads slower, until their own deadline. The checksum is against accidents.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::{Epoch, Error, Snapshot, Xid};

/// A token's text is at most so long, so that it fits among a call's headers.
pub const TOKEN_BYTES_MAX: usize = 4 << 10;

/// Ids in progress that a token lists. With more it asks for all of them: slower, not staler.
const IN_PROGRESS_MAX: usize = 256;

const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 4;

/// Not older than this.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Token {
    epoch: Epoch,
    shows: Shows,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Shows {
    Write(Xid),
    Read(Snapshot),
}

impl Token {
    /// Of a write: its transaction.
    pub fn wrote(epoch: Epoch, xid: Xid) -> Self {
        Token { epoch, shows: Shows::Write(xid) }
    }

    /// Of a read: the most it may have shown. [`Label::token`](super::Label::token) knows.
    pub fn read(epoch: Epoch, snapshot: Snapshot) -> Self {
        let snapshot = match snapshot.in_progress().len() {
            0..=IN_PROGRESS_MAX => snapshot,
            _ => Snapshot::below(snapshot.xmax()),
        };
        Token { epoch, shows: Shows::Read(snapshot) }
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// token ⊆ snapshot, both of one epoch.
    pub fn within(&self, snapshot: &Snapshot) -> bool {
        match &self.shows {
            Shows::Write(xid) => snapshot.sees(*xid),
            Shows::Read(shown) => shown.within(snapshot),
        }
    }

    /// `epoch` is the ledger's. Errors are the caller's to mend, and say how.
    pub fn parse(text: &str, epoch: Epoch) -> Result<Self, Error> {
        let token = open(text).map_err(|why| Error::Token { why })?;
        if token.epoch != epoch {
            return Err(Error::TokenForeign);
        }
        Ok(token)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.epoch.0.to_be_bytes());
        match &self.shows {
            Shows::Write(xid) => put(&mut bytes, xid.0),
            Shows::Read(snapshot) => {
                let xmin = snapshot.xmin().0;
                put(&mut bytes, xmin);
                put(&mut bytes, snapshot.xmax().0 - xmin);
                let mut last = xmin;
                for xid in snapshot.in_progress() {
                    put(&mut bytes, xid.0 - last);
                    last = xid.0;
                }
            }
        }
        bytes.extend_from_slice(&checksum(&bytes));
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn open(text: &str) -> Result<Token, &'static str> {
    const DAMAGED: &str = "the token is damaged, or was never one of Rowcall's";
    if text.len() > TOKEN_BYTES_MAX {
        return Err("the token is longer than any of Rowcall's");
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| DAMAGED)?;
    let (content, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(DAMAGED)?;
    if checksum(content) != *sum {
        return Err(DAMAGED);
    }
    let rest = match content.split_first() {
        Some((&VERSION, rest)) => rest,
        _ => return Err("the token was made by another version of Rowcall"),
    };
    let (epoch, mut rest) = rest.split_first_chunk::<8>().ok_or(DAMAGED)?;
    let mut numbers = Vec::new();
    while !rest.is_empty() {
        numbers.push(take(&mut rest).ok_or(DAMAGED)?);
    }
    let shows = match numbers[..] {
        [xid] => Shows::Write(Xid(xid)),
        [xmin, width, ref steps @ ..] => {
            let xmax = xmin.checked_add(width).ok_or(DAMAGED)?;
            let mut last = xmin;
            let mut in_progress = Vec::with_capacity(steps.len());
            for step in steps {
                last = last.checked_add(*step).ok_or(DAMAGED)?;
                in_progress.push(Xid(last));
            }
            Shows::Read(Snapshot::new(Xid(xmin), Xid(xmax), in_progress).map_err(|_| DAMAGED)?)
        }
        [] => return Err(DAMAGED),
    };
    Ok(Token { epoch: Epoch(u64::from_be_bytes(*epoch)), shows })
}

/// Seven bits a byte, lowest first; the eighth says that more follow.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest: [u8; 32] = Sha256::new().chain_update(b"rowcall-token").chain_update(bytes).finalize().into();
    let (head, _) = digest.split_first_chunk().expect("32 bytes are more than 4");
    *head
}

#[cfg(test)]
mod tests;
