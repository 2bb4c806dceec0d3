//! An entry ↔ the bytes by which other processes know it.
//!
//! Read strictly: what is damaged, cut short, of another version or under another key is no entry. The checksum is
//! against accidents; who may write to the store is trusted as this process is.
//!
//! ```text
//! version 1 │ epoch 8 │ read at 8, expires at 8, idle at most 8 (µs) │ seen: least, most │ tags │ aside │
//! frame? │ gzip? │ zstd? │ checksum 8, of the key and all before
//! ```
//!
//! Numbers are big-endian. A list or a text has four bytes of length before it; what may be absent has a byte that says.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::{Buf as _, BufMut as _, Bytes};
use xxhash_rust::xxh3::Xxh3;

use super::{Entry, Epoch, Key, Label, Proof, Seen, Snapshot, Tag, Xid};
use crate::wire::{self, Encoding, Payload};

/// It is raised with every change of the form, and part of every key in a shared store.
pub const FORM_VERSION: u8 = 1;

const CHECKSUM_BYTES: usize = 8;
const TAG_BYTES: usize = 16;

/// One moment, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub monotonic: Instant,
    pub wall: SystemTime,
}

impl Entry {
    /// None for what is not shared: an entry without a label, or one that has expired.
    pub fn to_bytes(&self, key: Key, now: Moment) -> Option<Vec<u8>> {
        let label = self.label()?;
        let left = self.left(now.monotonic);
        if left.is_zero() {
            return None;
        }
        let mut out = Vec::with_capacity(self.bytes());
        out.put_u8(FORM_VERSION);
        out.put_u64(label.epoch().0);
        out.put_u64(since_1970(self.read_at));
        out.put_u64(since_1970(now.wall).saturating_add(micros(left)));
        out.put_u64(micros(self.idle_max));
        put_snapshot(&mut out, label.seen().least());
        put_snapshot(&mut out, label.seen().most());
        out.put_u32(length(label.tags())?);
        for tag in label.tags() {
            out.put_slice(&tag.to_bytes());
        }
        out.put_u32(length(&self.aside)?);
        out.put_slice(&self.aside);
        put_part(&mut out, self.payload.as_ref().map(Payload::frame).as_ref())?;
        put_part(&mut out, self.packed(Encoding::Gzip))?;
        put_part(&mut out, self.packed(Encoding::Zstd))?;
        let sum = checksum(key, &out);
        out.put_u64(sum);
        Some(out)
    }

    /// None for all that `to_bytes` did not make for this key, and for what has expired. The entry keeps `bytes`.
    pub fn from_bytes(key: Key, bytes: &Bytes, now: Moment) -> Option<Entry> {
        let (content, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
        if checksum(key, content) != u64::from_be_bytes(*sum) {
            return None;
        }
        let mut rest = bytes.slice(..content.len());
        if rest.try_get_u8().ok()? != FORM_VERSION {
            return None;
        }
        let epoch = Epoch(rest.try_get_u64().ok()?);
        let (read_at, expires_at) = (rest.try_get_u64().ok()?, rest.try_get_u64().ok()?);
        let idle_max = Duration::from_micros(rest.try_get_u64().ok()?);
        let seen = Seen::between(take_snapshot(&mut rest)?, take_snapshot(&mut rest)?)?;
        let tags = take_tags(&mut rest)?;
        let aside = take_bytes(&mut rest)?;
        let payload = match take_part(&mut rest)? {
            None => None,
            Some(frame) => Some(Payload::framed(frame)?),
        };
        let packed = [Encoding::Gzip, Encoding::Zstd].map(|encoding| (encoding, take_part(&mut rest)));
        if !rest.is_empty() {
            return None;
        }
        // A clock that is behind makes no entry live longer than it was meant to.
        let life = expires_at.checked_sub(read_at)?;
        let left = expires_at.checked_sub(since_1970(now.wall)).filter(|left| *left > 0)?.min(life);
        let expires = now.monotonic.checked_add(Duration::from_micros(left))?;
        let read_at = UNIX_EPOCH.checked_add(Duration::from_micros(read_at))?;
        let proof = Proof::Label(Label::new(epoch, seen, tags)?);
        let entry = Entry::new(payload, aside, proof, read_at, expires, idle_max);
        for (encoding, frame) in packed {
            if let Some(frame) = frame? {
                entry.pack(encoding, wire::is_packed(&frame).then_some(frame)?);
            }
        }
        Some(entry)
    }
}

fn put_snapshot(out: &mut Vec<u8>, snapshot: &Snapshot) {
    out.put_u64(snapshot.xmin().0);
    out.put_u64(snapshot.xmax().0);
    // As many as Postgres has connections.
    out.put_u32(snapshot.in_progress().len() as u32);
    for xid in snapshot.in_progress() {
        out.put_u64(xid.0);
    }
}

fn take_snapshot(rest: &mut Bytes) -> Option<Snapshot> {
    let (xmin, xmax) = (rest.try_get_u64().ok()?, rest.try_get_u64().ok()?);
    let count = rest.try_get_u32().ok()? as usize;
    let bytes = take(rest, count.checked_mul(size_of::<u64>())?)?;
    let xids = bytes.as_chunks().0.iter().map(|xid| Xid(u64::from_be_bytes(*xid))).collect();
    Snapshot::new(Xid(xmin), Xid(xmax), xids).ok()
}

fn take_tags(rest: &mut Bytes) -> Option<Vec<Tag>> {
    let count = rest.try_get_u32().ok()? as usize;
    let bytes = take(rest, count.checked_mul(TAG_BYTES)?)?;
    Some(bytes.as_chunks().0.iter().copied().map(Tag::from_bytes).collect())
}

fn put_part(out: &mut Vec<u8>, part: Option<&Bytes>) -> Option<()> {
    out.put_u8(part.is_some().into());
    if let Some(part) = part {
        out.put_u32(length(part)?);
        out.put_slice(part);
    }
    Some(())
}

fn take_part(rest: &mut Bytes) -> Option<Option<Bytes>> {
    match rest.try_get_u8().ok()? {
        0 => Some(None),
        1 => take_bytes(rest).map(Some),
        _ => None,
    }
}

fn take_bytes(rest: &mut Bytes) -> Option<Bytes> {
    let length = rest.try_get_u32().ok()?;
    take(rest, length as usize)
}

fn take(rest: &mut Bytes, length: usize) -> Option<Bytes> {
    (length <= rest.len()).then(|| rest.split_to(length))
}

fn length<T>(list: &[T]) -> Option<u32> {
    list.len().try_into().ok()
}

fn micros(duration: Duration) -> u64 {
    duration.as_micros().try_into().unwrap_or(u64::MAX)
}

fn since_1970(time: SystemTime) -> u64 {
    micros(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn checksum(key: Key, content: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&key.0);
    hash.update(content);
    hash.digest()
}

#[cfg(test)]
mod tests;
