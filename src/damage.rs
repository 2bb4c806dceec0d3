//! A good sample → one that is nearly as good, for tests of what must survive anything.

use std::ops::Range;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A case that takes longer hangs. Far more than any needs, since others use the machine too.
const CASE_MAX: Duration = Duration::from_secs(10);

/// What an edit adds by repetition, so that samples stay samples.
const GROWTH_MAX: usize = 2_000;

/// What readers of text trip over.
const PIECES: [&str; 48] = [
    "",
    "\"",
    "'",
    "\\",
    "\\\"",
    "\\u0000",
    "\\ud800",
    "\0",
    "\n",
    "\r\n",
    "\t",
    " ",
    "%",
    "%2F",
    "%00",
    "%ff",
    "%zz",
    "/",
    "//",
    "-",
    "--",
    "*",
    "**",
    ".",
    "..",
    ",",
    ",,",
    ":",
    "=",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "NOT ",
    " AND ",
    " OR ",
    "ü",
    "\u{202e}",
    "\u{1F600}",
    "\u{feff}",
    "0",
    "-1",
    "99999999999999999999",
    "1e999",
    "NaN",
    "null",
];

/// Lengths, counts and signs that nobody means.
const WORDS: [[u8; 4]; 6] =
    [[0xff; 4], [0; 4], [0x7f, 0xff, 0xff, 0xff], [0x80, 0, 0, 0], [0, 0, 0, 1], [0xff, 0xff, 0xff, 0xfe]];

/// Of a sample: where, how many go, what comes instead, how often.
type Edit<T> = (Index, usize, Vec<T>, usize);

/// One of the samples, edited a few times.
pub fn texts(samples: impl IntoIterator<Item = impl Into<String>>) -> impl Strategy<Value = String> {
    let samples: Vec<Vec<char>> = samples.into_iter().map(|text| text.into().chars().collect()).collect();
    let pieces = samples.clone();
    let piece = (any::<Index>(), any::<Index>(), any::<Index>()).prop_map(move |(of, from, to)| {
        let of = of.get(&pieces);
        of[between(of.len(), from, to)].to_vec()
    });
    let word = select(&PIECES[..]).prop_map(|text| text.chars().collect());
    let noise = "\\PC{0,6}".prop_map(|text| text.chars().collect());
    damaged(samples, prop_oneof![4 => word, 2 => piece, 1 => noise])
        .prop_map(|chars| chars.into_iter().collect())
}

/// The same with bytes.
pub fn bytes(samples: impl IntoIterator<Item = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let word = select(&WORDS[..]).prop_map(Vec::from);
    let noise = vec(any::<u8>(), 0..5);
    damaged(samples.into_iter().collect(), prop_oneof![word, noise])
}

fn damaged<T: Copy + std::fmt::Debug + 'static>(
    samples: Vec<Vec<T>>,
    piece: impl Strategy<Value = Vec<T>> + 'static,
) -> impl Strategy<Value = Vec<T>> {
    // Mostly once; now and then so often that what nests, nests too deep.
    let times = prop_oneof![20 => Just(1usize), 1 => 2usize..600];
    let edits = vec((any::<Index>(), 0usize..6, piece, times), 0..6);
    let cut = prop_oneof![5 => Just(None), 1 => any::<Index>().prop_map(Some)];
    (select(samples), edits, cut).prop_map(|(sample, edits, cut)| {
        let mut edited = edits.into_iter().fold(sample, edit);
        if let Some(cut) = cut {
            edited.truncate(cut.index(edited.len() + 1));
        }
        edited
    })
}

fn edit<T: Copy>(mut sample: Vec<T>, (at, length, piece, times): Edit<T>) -> Vec<T> {
    let from = at.index(sample.len() + 1);
    let to = (from + length).min(sample.len());
    let times = times.min((GROWTH_MAX / piece.len().max(1)).max(1));
    sample.splice(from..to, piece.repeat(times));
    sample
}

fn between(length: usize, one: Index, other: Index) -> Range<usize> {
    let (one, other) = (one.index(length + 1), other.index(length + 1));
    one.min(other)..one.max(other)
}

/// Runs what must come to an end, and fails when it takes long.
#[track_caller]
pub fn timed<T>(of: impl std::fmt::Debug, run: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = run();
    assert!(started.elapsed() < CASE_MAX, "{:?} for {of:?}", started.elapsed());
    result
}
