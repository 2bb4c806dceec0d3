//! What there is to say about an answer → metadata.

use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::metadata::Timing;
use super::trace::{TRACEPARENT, Trace};
use crate::call::{Notes, Stage, Total};

const PROCESS_TIME: HeaderName = HeaderName::from_static("x-process-time");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const CACHE: HeaderName = HeaderName::from_static("rowcall-cache");
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
        let seconds = format!("{:.6}", self.started.elapsed().as_secs_f64());
        put(headers, PROCESS_TIME, seconds);
        headers.insert(TRACEPARENT, self.trace.header());
        if self.timing == Timing::On && !notes.stages.is_empty() {
            put(headers, SERVER_TIMING, stages(notes));
        }
    }
}

/// What is said of an answer that came.
pub fn write(notes: &Notes, headers: &mut HeaderMap) {
    // No answers are kept yet: every one was fetched.
    headers.insert(CACHE, HeaderValue::from_static("miss"));
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

/// `bind;dur=0.021, execute;dur=2.4`, in milliseconds.
fn stages(notes: &Notes) -> String {
    let one = |(stage, time): &(Stage, std::time::Duration)| {
        let name = match stage {
            Stage::Bind => "bind",
            Stage::Acquire => "acquire",
            Stage::Execute => "execute",
            Stage::Encode => "encode",
        };
        format!("{name};dur={:.3}", time.as_secs_f64() * 1_000.0)
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
    use std::time::Duration;

    #[test]
    fn an_answers_notes_are_written_as_the_contract_has_them() {
        let notes = Notes {
            total: Some(Total::Estimated(120_000)),
            truncated: vec!["tracks".to_owned(), "album_detail.tracks".to_owned()],
            stages: vec![
                (Stage::Acquire, Duration::from_micros(100)),
                (Stage::Execute, Duration::from_micros(2_400)),
            ],
        };
        let mut headers = HeaderMap::new();
        write(&notes, &mut headers);
        let trace = Trace { id: 1, span: 2, flags: 0 };
        About { started: Instant::now(), trace, timing: Timing::On }.write(&notes, &mut headers);
        assert_eq!(headers[CACHE], "miss");
        assert_eq!(headers[TOTAL], "120000; estimated");
        assert_eq!(headers[TRUNCATED], "tracks, album_detail.tracks");
        assert_eq!(headers[SERVER_TIMING], "acquire;dur=0.100, execute;dur=2.400");
        assert!(headers[PROCESS_TIME].to_str().unwrap().starts_with("0.0"));
    }
}
