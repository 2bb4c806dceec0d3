//! Entries by key, within a limit of bytes, for as long as they are of use.
//!
//! What leaves first is what is asked for least (moka's TinyLFU), so that a scan does not push out what many ask for. An
//! entry is stored whatever happened meanwhile: whether it may be served is asked when it is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::Expiry;
use moka::notification::RemovalCause;
use moka::ops::compute::Op;
use moka::sync::Cache;
use rustc_hash::FxBuildHasher;

use super::{Entry, Key};
use crate::wire::Encoding;

/// How much one process keeps.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Of all entries together; 0 keeps nothing.
    pub bytes_max: usize,
    /// A larger entry is not kept.
    pub entry_bytes_max: usize,
}

/// The entries of one process.
#[derive(Debug)]
pub struct Store {
    entries: Cache<Key, Arc<Entry>, FxBuildHasher>,
    entry_bytes_max: usize,
    evicted: Arc<AtomicU64>,
}

/// An entry where it is kept: who compresses its answer leaves the frame there.
#[derive(Debug, Clone)]
pub struct Kept {
    store: Arc<Store>,
    key: Key,
    entry: Arc<Entry>,
}

/// What a store holds, and what it had to give up for want of room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fill {
    pub entries: u64,
    pub bytes: u64,
    pub evicted: u64,
}

impl Store {
    /// None when nothing is to be kept.
    pub fn new(settings: &Settings) -> Option<Arc<Store>> {
        if settings.bytes_max == 0 {
            return None;
        }
        let evicted = Arc::new(AtomicU64::new(0));
        let count = evicted.clone();
        let entries = Cache::builder()
            .max_capacity(settings.bytes_max as u64)
            .weigher(|_, entry: &Arc<Entry>| u32::try_from(entry.bytes()).unwrap_or(u32::MAX))
            .expire_after(Lifetime)
            .eviction_listener(move |_, _, cause| {
                if cause == RemovalCause::Size {
                    count.fetch_add(1, Relaxed);
                }
            })
            .build_with_hasher(FxBuildHasher);
        Some(Arc::new(Store { entries, entry_bytes_max: settings.entry_bytes_max, evicted }))
    }

    pub fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        self.entries.get(key)
    }

    /// Keeps it in place of what is there, unless it is too large.
    pub fn put(&self, key: Key, entry: Arc<Entry>) {
        if entry.bytes() <= self.entry_bytes_max {
            self.entries.insert(key, entry);
        }
    }

    /// Of a table that is not to be trusted any more, or of all when the keys are others.
    pub fn clear(&self) {
        self.entries.invalidate_all();
    }

    pub fn fill(&self) -> Fill {
        Fill {
            entries: self.entries.entry_count(),
            bytes: self.entries.weighted_size(),
            evicted: self.evicted.load(Relaxed),
        }
    }

    /// The entry has grown; nothing happens when it is not there any more.
    fn weigh_again(&self, key: Key, entry: &Arc<Entry>) {
        self.entries.entry(key).and_compute_with(|found| match found {
            Some(found) if Arc::ptr_eq(found.value(), entry) && entry.bytes() <= self.entry_bytes_max => {
                Op::Put(entry.clone())
            }
            Some(found) if Arc::ptr_eq(found.value(), entry) => Op::Remove,
            _ => Op::Nop,
        });
    }
}

impl Kept {
    pub fn new(store: Arc<Store>, key: Key, entry: Arc<Entry>) -> Self {
        Kept { store, key, entry }
    }

    pub fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    pub fn packed(&self, encoding: Encoding) -> Option<Bytes> {
        self.entry.packed(encoding).cloned()
    }

    pub fn pack(&self, encoding: Encoding, frame: Bytes) {
        // In as many bytes as it has: it was written into room for more.
        self.entry.pack(encoding, Bytes::copy_from_slice(&frame));
        self.store.weigh_again(self.key, &self.entry);
    }
}

/// Until it expires, or nobody has asked for it for so long.
struct Lifetime;

/// A read that would put off an entry's end by less than one part in so many leaves it where it is.
const IDLE_STEPS: u32 = 16;

fn left(entry: &Entry, now: Instant) -> Option<Duration> {
    Some(entry.expires.saturating_duration_since(now).min(entry.idle_max))
}

impl Expiry<Key, Arc<Entry>> for Lifetime {
    fn expire_after_create(&self, _: &Key, entry: &Arc<Entry>, now: Instant) -> Option<Duration> {
        left(entry, now)
    }

    fn expire_after_read(
        &self,
        _: &Key,
        entry: &Arc<Entry>,
        now: Instant,
        current: Option<Duration>,
        _: Instant,
    ) -> Option<Duration> {
        let left = left(entry, now);
        // To set a timer anew with every read costs as much as to find the entry.
        match (current, left) {
            (Some(current), Some(left)) if left.saturating_sub(current) < left / IDLE_STEPS => Some(current),
            _ => left,
        }
    }

    fn expire_after_update(
        &self,
        _: &Key,
        entry: &Arc<Entry>,
        now: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        left(entry, now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::cache::{Prefix, Proof};
    use crate::wire::Payload;

    const LONG: Duration = Duration::from_secs(3_600);

    fn store(bytes_max: usize, entry_bytes_max: usize) -> Arc<Store> {
        Store::new(&Settings { bytes_max, entry_bytes_max }).expect("it keeps something")
    }

    fn key(number: u32) -> Key {
        Prefix::default().with(&number.to_be_bytes()).key()
    }

    fn entry(bytes: usize, lives: Duration, idle_max: Duration) -> Arc<Entry> {
        let payload = Some(Payload::of(&vec![7; bytes]));
        let expires = Instant::now() + lives;
        Arc::new(Entry::new(payload, Bytes::new(), Proof::TimeToLive, SystemTime::now(), expires, idle_max))
    }

    #[test]
    fn nothing_is_kept_in_no_room() {
        assert!(Store::new(&Settings { bytes_max: 0, entry_bytes_max: 100 }).is_none());
    }

    #[test]
    fn all_entries_together_stay_within_the_limit() {
        let store = store(100_000, 10_000);
        for number in 0..1_000 {
            store.put(key(number), entry(1_000, LONG, LONG));
        }
        store.entries.run_pending_tasks();
        let fill = store.fill();
        assert!(fill.bytes <= 100_000 && fill.entries > 50 && fill.evicted > 900, "{fill:?}");
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let store = store(100_000, 2_000);
        store.put(key(1), entry(3_000, LONG, LONG));
        store.put(key(2), entry(1_000, LONG, LONG));
        assert!(store.get(&key(1)).is_none() && store.get(&key(2)).is_some());
    }

    #[test]
    fn an_entry_ends_with_its_time_and_with_nobody_asking() {
        let store = store(100_000, 10_000);
        store.put(key(1), entry(10, Duration::ZERO, LONG));
        store.put(key(2), entry(10, LONG, Duration::ZERO));
        store.put(key(3), entry(10, LONG, LONG));
        assert!(store.get(&key(1)).is_none() && store.get(&key(2)).is_none() && store.get(&key(3)).is_some());
    }

    #[test]
    fn a_read_puts_off_the_end_of_an_entry_by_steps() {
        let now = Instant::now();
        let (second, idle) = (Duration::from_secs(1), Duration::from_secs(160));
        let of = |lives| {
            let kept = entry(10, lives, idle);
            move |left: Duration| Lifetime.expire_after_read(&key(1), &kept, now, Some(left), now)
        };
        let read = of(LONG);
        assert_eq!(read(idle - 9 * second), Some(idle - 9 * second));
        assert_eq!(read(idle - 11 * second), Some(idle));
        // It ends by its time before anybody could have forgotten it, and no read puts that off.
        let read = of(16 * second);
        assert!(read(Duration::ZERO).is_some_and(|left| left < 17 * second));
    }

    #[test]
    fn a_compressed_frame_counts_too_and_stays_with_its_entry() {
        let store = store(100_000, 10_000);
        let first = entry(1_000, LONG, LONG);
        store.put(key(1), first.clone());
        store.entries.run_pending_tasks();
        let before = store.fill().bytes;
        let kept = Kept::new(store.clone(), key(1), first.clone());
        assert_eq!(kept.packed(Encoding::Gzip), None);
        kept.pack(Encoding::Gzip, Bytes::from_static(&[1; 500]));
        store.entries.run_pending_tasks();
        assert_eq!(store.fill().bytes, before + 500);
        assert_eq!(kept.packed(Encoding::Gzip).map(|frame| frame.len()), Some(500));
        let second = entry(10, LONG, LONG);
        store.put(key(1), second.clone());
        kept.pack(Encoding::Zstd, Bytes::from_static(&[1; 500]));
        let found = store.get(&key(1)).expect("it is kept");
        assert!(Arc::ptr_eq(&found, &second), "an older entry does not come back");
    }
}
