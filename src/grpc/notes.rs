//! What there is to say about an answer → metadata.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::metadata::Timing;
use crate::call::{Bypass, Level, Notes, Proof, Served, Stage, Timed, Total};
use crate::telemetry::{TRACEPARENT, Trace};

const PROCESS_TIME: HeaderName = HeaderName::from_static("x-process-time");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const CACHE: HeaderName = HeaderName::from_static("rowcall-cache");
const TOKEN: HeaderName = HeaderName::from_static("rowcall-token");
const TOTAL: HeaderName = HeaderName::from_static("rowcall-total");
const TRUNCATED: HeaderName = HeaderName::from_static("rowcall-truncated");

/// What is said of every call, whatever came of it.
#[derive(Debug, Clone, Copy)]
pub struct About {
    pub started: Instant,
    pub trace: Trace,
    pub timing: Timing,
}

impl About {
    /// Time and trace.
    pub fn write(&self, notes: &Notes, headers: &mut HeaderMap) {
        headers.insert(PROCESS_TIME, never_again(seconds(self.started.elapsed())));
        headers.insert(TRACEPARENT, never_again(self.trace.header()));
        if self.timing == Timing::On && !notes.stages.is_empty() {
            put(headers, SERVER_TIMING, stages(notes));
        }
    }
}

/// A value that no other answer has: HPACK's tables, ours and the caller's, are spared it.
fn never_again(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

/// `0.000123`. Each answer has it, and `format!` takes longer.
fn seconds(time: Duration) -> HeaderValue {
    let mut text = *b"00000000000000000000.000000";
    let point = text.len() - 7;
    digits(&mut text[point + 1..], time.subsec_micros().into());
    // All zeros but the last before the point are left out.
    let whole = digits(&mut text[..point], time.as_secs()).max(1);
    HeaderValue::from_bytes(&text[point - whole..]).unwrap_or(HeaderValue::from_static("0"))
}

/// Writes a number over zeros, to the right; how many digits it has.
fn digits(zeros: &mut [u8], mut number: u64) -> usize {
    let mut count = 0;
    let mut places = zeros.iter_mut().rev();
    while number > 0
        && let Some(digit) = places.next()
    {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        count += 1;
    }
    count
}

/// What is said of an answer that came, or of why none did.
pub fn write(notes: &Notes, headers: &mut HeaderMap) {
    if let Some(served) = notes.served {
        headers.insert(CACHE, from(served));
    }
    // What was made of a snapshot is ASCII.
    if let Some(token) = notes.token.clone().and_then(|token| HeaderValue::from_maybe_shared(token).ok()) {
        headers.insert(TOKEN, never_again(token));
    }
    if let Some(total) = notes.total {
        let text = match total {
            Total::Exact(rows) => format!("{rows}; exact"),
            Total::Estimated(rows) => format!("{rows}; estimated"),
        };
        put(headers, TOTAL, text);
    }
    if !notes.truncated.is_empty() {
        put(headers, TRUNCATED, notes.truncated.join(", "));
    }
}

/// `hit; age=120ms`.
fn from(served: Served) -> HeaderValue {
    let (age, level, proof) = match served {
        Served::Miss { standby: false } => return HeaderValue::from_static("miss"),
        Served::Miss { standby: true } => return HeaderValue::from_static("miss; from=standby"),
        Served::Shared => return HeaderValue::from_static("shared"),
        Served::Bypass(why) => return HeaderValue::from_static(bypassed(why)),
        Served::Hit { age, from, proof } => (age, from, proof),
    };
    let mut text = String::with_capacity(40);
    text.push_str("hit; age=");
    // Writing into a String cannot fail.
    let _ = write!(text, "{}ms", age.as_millis());
    if level == Level::Redis {
        text.push_str("; from=redis");
    }
    if proof == Proof::TimeToLive {
        text.push_str("; proof=ttl");
    }
    never_again(HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("hit")))
}

fn bypassed(why: Bypass) -> &'static str {
    match why {
        Bypass::Untracked => "bypass; reason=untracked",
        Bypass::Function => "bypass; reason=function",
        Bypass::NoCache => "bypass; reason=no-cache",
        Bypass::Off => "bypass; reason=off",
        Bypass::Feed => "bypass; reason=feed",
        Bypass::Mismatch => "bypass; reason=mismatch",
    }
}

/// `bind;dur=0.021, cache;desc=hit;dur=0.004, execute;dur=2.4`, in milliseconds.
fn stages(notes: &Notes) -> String {
    let one = |timed: &Timed| {
        let described = match (timed.stage, notes.served) {
            (Stage::Cache, Some(served)) => format!(";desc={}", served.as_str()),
            _ => String::new(),
        };
        format!("{}{described};dur={:.3}", timed.stage.as_str(), timed.time.as_secs_f64() * 1_000.0)
    };
    notes.stages.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A value that is not ASCII is left out: field paths and numbers always are.
fn put(headers: &mut HeaderMap, key: HeaderName, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_an_answer_came_from_is_said() {
        let age = Duration::from_millis(120);
        for (served, expected) in [
            (Served::Hit { age, from: Level::Process, proof: Proof::Feed }, "hit; age=120ms"),
            (Served::Hit { age, from: Level::Redis, proof: Proof::Feed }, "hit; age=120ms; from=redis"),
            (
                Served::Hit { age, from: Level::Process, proof: Proof::TimeToLive },
                "hit; age=120ms; proof=ttl",
            ),
            (Served::Shared, "shared"),
            (Served::Miss { standby: true }, "miss; from=standby"),
            (Served::Bypass(Bypass::Untracked), "bypass; reason=untracked"),
        ] {
            assert_eq!(from(served), expected);
        }
    }

    #[test]
    fn times_are_seconds_to_the_microsecond() {
        for (micros, expected) in
            [(0, "0.000000"), (1, "0.000001"), (999_999, "0.999999"), (12_000_034, "12.000034")]
        {
            assert_eq!(seconds(Duration::from_micros(micros)), expected);
        }
        assert_eq!(seconds(Duration::MAX).to_str().unwrap().len(), 27);
    }

    #[test]
    fn an_answers_notes_are_written_as_the_contract_has_them() {
        let since = Instant::now();
        let notes = Notes {
            total: Some(Total::Estimated(120_000)),
            truncated: vec!["tracks".to_owned(), "album_detail.tracks".to_owned()],
            stages: [(Stage::Acquire, 100), (Stage::Execute, 2_400)]
                .map(|(stage, micros)| Timed { stage, since, time: Duration::from_micros(micros) })
                .into(),
            served: Some(Served::Miss { standby: false }),
            token: Some("abc".into()),
            ..Notes::default()
        };
        let mut headers = HeaderMap::new();
        write(&notes, &mut headers);
        let trace = Trace { id: 1, span: 2, parent: None, flags: 0 };
        About { started: Instant::now(), trace, timing: Timing::On }.write(&notes, &mut headers);
        assert_eq!(headers[CACHE], "miss");
        assert_eq!(headers[TOKEN], "abc");
        assert_eq!(headers[TOTAL], "120000; estimated");
        assert_eq!(headers[TRUNCATED], "tracks, album_detail.tracks");
        assert_eq!(headers[SERVER_TIMING], "acquire;dur=0.100, execute;dur=2.400");
        assert!(headers[PROCESS_TIME].to_str().unwrap().starts_with("0.0"));
    }
}
