//! What goes round, and that nothing else is taken.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::cache::snapshot::tests::snapshots;
use crate::damage;

const KEY: Key = Key(*b"sixteen bytes of");
const TTL: Duration = Duration::from_secs(60);

fn now() -> Moment {
    Moment { monotonic: Instant::now(), wall: SystemTime::now() }
}

fn entry(payload: Option<&[u8]>, seen: Seen, tags: Vec<Tag>, aside: &[u8], now: Moment) -> Entry {
    let label = Label::new(Epoch(7), seen, tags).expect("it has tags");
    let (payload, aside) = (payload.map(Payload::of), Bytes::copy_from_slice(aside));
    Entry::new(payload, aside, Proof::Label(label), now.wall, now.monotonic + TTL, TTL / 2)
}

/// With everything that an entry may have.
fn full(now: Moment) -> Entry {
    let seen = Seen::of_primary("754:758:754,756", "758:760:759").expect("Postgres says so");
    let entry = entry(Some(b"message"), seen, Tag::of_get(1, b"42").into(), b"aside", now);
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let packed = entry.payload.as_ref().expect("it has one").compress(encoding);
        entry.pack(encoding, packed.expect("it compresses"));
    }
    entry
}

fn written(entry: &Entry, now: Moment) -> Bytes {
    entry.to_bytes(KEY, now).expect("it is shared").into()
}

/// To the microsecond.
fn same(one: &Entry, other: &Entry) {
    let label = |entry: &Entry| {
        let label = entry.label().expect("it has one");
        (label.epoch(), label.seen().clone(), label.tags().to_vec())
    };
    assert_eq!(label(one), label(other));
    assert_eq!((&one.payload, &one.aside), (&other.payload, &other.aside));
    assert_eq!(since_1970(one.read_at), since_1970(other.read_at));
    assert_eq!(one.idle_max, other.idle_max);
    let apart = one.expires.max(other.expires).duration_since(one.expires.min(other.expires));
    assert!(apart <= Duration::from_micros(2), "{apart:?}");
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        assert_eq!(one.packed(encoding), other.packed(encoding));
    }
}

#[test]
fn what_is_written_is_read() {
    let now = now();
    let entry = full(now);
    same(&Entry::from_bytes(KEY, &written(&entry, now), now).expect("it is whole"), &entry);
}

#[test]
fn a_value_is_of_its_key() {
    let now = now();
    let bytes = written(&full(now), now);
    assert!(Entry::from_bytes(Key([0; 16]), &bytes, now).is_none());
}

#[test]
fn another_version_is_none() {
    let now = now();
    let mut bytes = written(&full(now), now).to_vec();
    bytes.truncate(bytes.len() - CHECKSUM_BYTES);
    bytes[0] = FORM_VERSION + 1;
    let sum = checksum(KEY, &bytes);
    bytes.put_u64(sum);
    assert!(Entry::from_bytes(KEY, &bytes.into(), now).is_none());
}

#[test]
fn what_has_a_time_to_live_alone_is_not_shared() {
    let now = now();
    let entry = Entry::new(None, Bytes::new(), Proof::TimeToLive, now.wall, now.monotonic + TTL, TTL);
    assert!(entry.to_bytes(KEY, now).is_none());
}

#[test]
fn an_entry_lives_no_longer_elsewhere() {
    let now = now();
    let bytes = written(&full(now), now);
    let at = |wall| Entry::from_bytes(KEY, &bytes, Moment { wall, ..now });
    assert!(at(now.wall + TTL).is_none());
    let late = at(now.wall + TTL - Duration::from_secs(1)).expect("it has a second left");
    assert!(late.expires <= now.monotonic + Duration::from_secs(1));
    let behind = at(now.wall - TTL * 100).expect("that clock is wrong");
    assert!(behind.expires <= now.monotonic + TTL);
    let later = Moment { monotonic: now.monotonic + TTL, wall: now.wall + TTL };
    assert!(full(now).to_bytes(KEY, later).is_none());
}

proptest! {
    #[test]
    fn entries_go_round(
        payload in option::of(vec(any::<u8>(), 0..2_000)),
        (least, other) in (snapshots(), snapshots()),
        rows in vec(any::<Vec<u8>>(), 1..20),
        aside: Vec<u8>,
    ) {
        let now = now();
        let seen = Seen::between(least.clone(), least.union(&other)).expect("a union has both");
        let tags = rows.iter().map(|row| Tag::row(1, row)).collect();
        let entry = entry(payload.as_deref(), seen, tags, &aside, now);
        same(&Entry::from_bytes(KEY, &written(&entry, now), now).expect("it is whole"), &entry);
    }

    #[test]
    fn any_damage_is_refused(bytes in damage::bytes([written(&full(*NOW), *NOW).to_vec()])) {
        let whole = written(&full(*NOW), *NOW);
        let read = Entry::from_bytes(KEY, &bytes.clone().into(), *NOW);
        prop_assert_eq!(read.is_some(), bytes == whole);
    }

    /// What the checksum cannot see, since whoever damaged it made a new one, is refused or an entry; never a panic.
    #[test]
    fn any_content_is_read_or_refused(bytes in damage::bytes([written(&full(*NOW), *NOW).to_vec()])) {
        let mut bytes = bytes;
        bytes.truncate(bytes.len().saturating_sub(CHECKSUM_BYTES));
        let sum = checksum(KEY, &bytes);
        bytes.put_u64(sum);
        if let Some(entry) = Entry::from_bytes(KEY, &bytes.into(), *NOW) {
            prop_assert!(entry.expires > NOW.monotonic);
            prop_assert!(entry.label().is_some());
        }
    }

    #[test]
    fn a_flipped_bit_is_refused(at: prop::sample::Index, bit in 0..8) {
        let mut bytes = written(&full(*NOW), *NOW).to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        prop_assert!(Entry::from_bytes(KEY, &bytes.into(), *NOW).is_none());
    }
}

/// One moment for all cases, so that the same entry has the same bytes.
static NOW: std::sync::LazyLock<Moment> = std::sync::LazyLock::new(now);
