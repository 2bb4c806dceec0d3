//! `traceparent` in → the trace of a call, and `traceparent` out (W3C Trace Context, level 1).

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The trace a call belongs to, and the call's own place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    pub id: u128,
    pub span: u64,
    /// The caller's span, when the trace is the caller's.
    pub parent: Option<u64>,
    /// 1: sampled, by the caller or by `Sampling`.
    pub flags: u8,
}

/// Which traces that begin here are sampled; in the others the caller has decided.
#[derive(Debug, Clone, Copy)]
pub struct Sampling {
    /// Of the low 63 bits of the id, as OpenTelemetry's TraceIdRatioBased has it: other services with the same ratio decide the same.
    below: u64,
}

impl Sampling {
    pub const NONE: Sampling = Sampling { below: 0 };

    /// `ratio` lies between 0 and 1.
    pub fn new(ratio: f64) -> Self {
        Sampling { below: (ratio.clamp(0.0, 1.0) * (1u64 << 63) as f64) as u64 }
    }

    fn takes(self, id: u128) -> bool {
        (id as u64) >> 1 < self.below
    }
}

impl Trace {
    /// The caller's trace, else a new one: a malformed header is as none.
    pub fn of(headers: &HeaderMap, sampling: Sampling) -> Trace {
        let parent = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(parse);
        let span = rand::random::<u64>().max(1);
        match parent {
            Some((id, parent, flags)) => Trace { id, span, parent: Some(parent), flags },
            None => {
                let id = rand::random::<u128>().max(1);
                Trace { id, span, parent: None, flags: sampling.takes(id).into() }
            }
        }
    }

    pub fn sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    pub fn header(&self) -> HeaderValue {
        let mut text = *b"00-................................-................-..";
        write(&mut text[3..35], self.id);
        write(&mut text[36..52], self.span.into());
        write(&mut text[53..], self.flags.into());
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.id)
    }
}

/// In as many hexadecimal digits as there is room for. Each answer has some: `format!` takes six times the instructions.
fn write(digits: &mut [u8], mut number: u128) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number % 16) as usize];
        number /= 16;
    }
}

/// Trace id, span id and flags.
fn parse(text: &str) -> Option<(u128, u64, u8)> {
    let mut parts = text.split('-');
    let version = hex(parts.next()?, 2)?;
    let id = hex(parts.next()?, 32)?;
    let span = hex(parts.next()?, 16)?;
    let flags = hex(parts.next()?, 2)?;
    // Version ff is forbidden, and only later versions may have more parts.
    if version == 0xff || (version == 0 && parts.next().is_some()) || id == 0 || span == 0 {
        return None;
    }
    // Of the flags only "sampled" has a meaning that may be passed on.
    Some((id, span as u64, (flags & 1) as u8))
}

fn hex(digits: &str, len: usize) -> Option<u128> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if digits.len() != len || !digits.bytes().all(lower) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_a_trace_or_none(text in "\\PC{0,60}|[0-9a-f]{2}-[0-9a-f]{30,33}-[0-9a-f]{15,17}-[0-9a-f]{2}(-.{0,3})?") {
            if let Some((id, _, flags)) = parse(&text) {
                prop_assert!(id != 0 && flags <= 1);
                prop_assert_eq!(format!("{id:032x}"), &text[3..35]);
            }
        }
    }

    const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(text: &str) -> Trace {
        let headers = HeaderMap::from_iter([(TRACEPARENT, HeaderValue::from_str(text).unwrap())]);
        Trace::of(&headers, Sampling::new(1.0))
    }

    #[test]
    fn the_caller_decides_and_else_the_ratio() {
        assert!(of(CALLER).sampled() && of("").sampled());
        assert!(!of(&CALLER.replace("-01", "-00")).sampled());
        let sampled = |ratio| {
            let sampling = Sampling::new(ratio);
            (0..10_000).filter(|_| Trace::of(&HeaderMap::new(), sampling).sampled()).count()
        };
        assert_eq!((sampled(0.0), sampled(1.0)), (0, 10_000));
        assert!((800..1_200).contains(&sampled(0.1)));
        assert_eq!(of(CALLER).parent, Some(0x00f0_67aa_0ba9_02b7));
    }

    #[test]
    fn the_callers_trace_goes_on_with_a_span_of_its_own() {
        let trace = of(CALLER);
        assert_eq!(trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let out = trace.header().to_str().unwrap().to_owned();
        assert!(out.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{out}");
        assert!(out.ends_with("-01") && out != CALLER, "{out}");
    }

    #[test]
    fn a_malformed_header_starts_a_new_trace() {
        for text in [
            "",
            "00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_ne!(of(text).to_string(), "4bf92f3577b34da6a3ce929d0e0e4736", "{text}");
        }
    }

    #[test]
    fn a_later_version_may_say_more() {
        let trace = of("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more");
        assert_eq!(trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }
}
