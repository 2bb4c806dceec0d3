//! A call's metadata → its deadline and hints, or everything that is wrong with them.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::timeout;
use crate::call::{Call, Deadline, Freshness, Hints, Scope, TotalWanted};
use crate::contract::options::Reason;
use crate::plan::{Refusal, Violation};

const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const READ_MASK: &str = "rowcall-read-mask";
const TOTAL: &str = "rowcall-total";
const TIMING: &str = "rowcall-timing";
const TOKEN: &str = "rowcall-token";
const CACHE_CONTROL: &str = "cache-control";
const PREFIX: &str = "rowcall-";

/// Every `rowcall-…` key a caller may send.
const KEYS: [&str; 4] = [READ_MASK, TOTAL, TIMING, TOKEN];

/// A caller's deadline is cut to this, so that no clock overflows.
const DEADLINE_MAX: Duration = Duration::from_secs(365 * 24 * 3_600);

/// Whether the caller wants to know where the time went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    On,
    Off,
}

/// `grpc-timeout`; Err when it is malformed.
pub fn deadline(headers: &HeaderMap, started: Instant, default: Duration) -> Result<Deadline, Violation> {
    let Some(value) = headers.get(TIMEOUT) else { return Ok(Deadline::Default(default)) };
    let given = value.to_str().ok().and_then(timeout::parse).ok_or_else(|| {
        let text = "must be one to eight digits and one of H, M, S, m, u, n, as in 500m";
        Violation::new(Reason::FieldInvalid, TIMEOUT.as_str(), text)
    })?;
    Ok(Deadline::Given(started + given.min(DEADLINE_MAX)))
}

/// Everything a call carries, and whether its time is told.
pub fn read(headers: &HeaderMap, started: Instant, default: Duration) -> Result<(Call, Timing), Refusal> {
    let mut violations = Vec::new();
    let deadline = deadline(headers, started, default).unwrap_or_else(|violation| {
        violations.push(violation);
        Deadline::Default(default)
    });
    let mut hints = Hints::default();
    let mut timing = Timing::Off;
    for key in headers.keys() {
        let read = match key.as_str() {
            READ_MASK => once(headers, key).map(|mask| hints.read_mask = Some(mask.to_owned())),
            TOTAL => once(headers, key).and_then(total).map(|total| hints.total = Some(total)),
            TIMING => once(headers, key).and_then(switch).map(|on| timing = on),
            TOKEN => once(headers, key).map(|token| hints.freshness.token = Some(token.to_owned())),
            CACHE_CONTROL => once(headers, key).and_then(|text| cache_control(text, &mut hints.freshness)),
            unknown if unknown.starts_with(PREFIX) => Err(unknown_key(unknown)),
            _ => Ok(()),
        };
        if let Err(description) = read {
            violations.push(Violation::new(Reason::FieldInvalid, key.as_str(), description));
        }
    }
    if !violations.is_empty() {
        // Headers come in no order of their own; what is said of them does.
        violations.sort_by(|one, other| one.field.cmp(&other.field));
        return Err(Refusal { violations });
    }
    Ok((Call { started, deadline, scope: Scope::default(), hints }, timing))
}

fn once<'a>(headers: &'a HeaderMap, key: &HeaderName) -> Result<&'a str, String> {
    let mut values = headers.get_all(key).iter();
    let value: Option<&HeaderValue> = values.next();
    if values.next().is_some() {
        return Err("is given twice; give it once".to_owned());
    }
    let text = value.and_then(|value| value.to_str().ok()).map(str::trim);
    text.filter(|text| !text.is_empty()).ok_or_else(|| "must be ASCII text, and not empty".to_owned())
}

fn total(text: &str) -> Result<TotalWanted, String> {
    match text {
        "exact" => Ok(TotalWanted::Exact),
        "estimated" => Ok(TotalWanted::Estimated),
        other => Err(format!("must be exact or estimated, not {other:?}")),
    }
}

fn switch(text: &str) -> Result<Timing, String> {
    match text {
        "on" => Ok(Timing::On),
        "off" => Ok(Timing::Off),
        other => Err(format!("must be on or off, not {other:?}")),
    }
}

fn cache_control(text: &str, freshness: &mut Freshness) -> Result<(), String> {
    for directive in text.split(',').map(str::trim) {
        let seconds = directive.strip_prefix("max-age=").and_then(|seconds| seconds.parse::<u32>().ok());
        match (directive, seconds) {
            ("no-cache", _) => freshness.no_cache = true,
            (_, Some(seconds)) => freshness.age_max = Some(Duration::from_secs(seconds.into())),
            _ => return Err(format!("must be no-cache or max-age=SECONDS, not {directive:?}")),
        }
    }
    Ok(())
}

fn unknown_key(key: &str) -> String {
    let nearest = KEYS
        .into_iter()
        .max_by(|one, other| strsim::jaro_winkler(one, key).total_cmp(&strsim::jaro_winkler(other, key)));
    match nearest.filter(|nearest| strsim::jaro_winkler(nearest, key) > 0.9) {
        Some(nearest) => format!("is not known; did you mean {nearest}?"),
        None => format!("is not known; there are {}", KEYS.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::damage;

    const DEFAULT: Duration = Duration::from_secs(10);

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (key, value) in pairs {
            headers.append(*key, HeaderValue::from_static(value));
        }
        headers
    }

    fn refused(pairs: &[(&'static str, &'static str)]) -> String {
        read(&headers(pairs), Instant::now(), DEFAULT).unwrap_err().to_string()
    }

    #[test]
    fn every_key_is_read() {
        let started = Instant::now();
        let given = headers(&[
            ("grpc-timeout", "1500m"),
            ("rowcall-read-mask", "name,title"),
            ("rowcall-total", "exact"),
            ("rowcall-timing", "on"),
            ("rowcall-token", "abc"),
            ("cache-control", "no-cache, max-age=5"),
            ("user-agent", "grpc"),
        ]);
        let (call, timing) = read(&given, started, DEFAULT).unwrap();
        assert_eq!(call.deadline.at(started), started + Duration::from_millis(1_500));
        assert_eq!(call.hints.read_mask.as_deref(), Some("name,title"));
        assert_eq!(call.hints.total, Some(TotalWanted::Exact));
        assert_eq!(timing, Timing::On);
        let age_max = Some(Duration::from_secs(5));
        assert_eq!(
            call.hints.freshness,
            Freshness { token: Some("abc".to_owned()), no_cache: true, age_max }
        );
    }

    #[test]
    fn without_a_timeout_the_default_holds_from_any_moment() {
        let started = Instant::now();
        let (call, _) = read(&headers(&[]), started, DEFAULT).unwrap();
        let later = started + Duration::from_secs(60);
        assert_eq!(call.deadline.at(later), later + DEFAULT);
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        assert_eq!(
            refused(&[("rowcall-total", "maybe"), ("rowcall-timin", "on"), ("grpc-timeout", "1s")]),
            "grpc-timeout: must be one to eight digits and one of H, M, S, m, u, n, as in 500m; \
             rowcall-timin: is not known; did you mean rowcall-timing?; \
             rowcall-total: must be exact or estimated, not \"maybe\""
        );
    }

    #[test]
    fn a_key_given_twice_is_refused() {
        assert_eq!(
            refused(&[("rowcall-read-mask", "a"), ("rowcall-read-mask", "b")]),
            "rowcall-read-mask: is given twice; give it once"
        );
    }

    #[test]
    fn values_that_no_key_has_are_refused() {
        for pair in [
            ("rowcall-read-mask", ""),
            ("rowcall-read-mask-bin", "AAAA"),
            ("rowcall-timing", "yes"),
            ("rowcall-cache", "hit"),
            ("cache-control", "max-age=soon"),
            ("cache-control", "private"),
        ] {
            let said = refused(&[pair]);
            assert!(said.starts_with(pair.0), "{said}");
        }
        let mut odd = HeaderMap::new();
        odd.insert(READ_MASK, HeaderValue::from_bytes("größe".as_bytes()).unwrap());
        assert!(read(&odd, Instant::now(), DEFAULT).is_err());
    }

    proptest! {
        #[test]
        fn any_value_of_any_key_is_read_or_refused(
            value in damage::texts(["name,title", "exact", "on", "no-cache, max-age=5", "1500m"]),
            key in damage::texts(["rowcall-read-mask", "rowcall-total-bin", "cache-control", "grpc-timeout"]),
        ) {
            let key = HeaderName::try_from(key).unwrap_or(TIMEOUT);
            for key in KEYS.map(HeaderName::from_static).into_iter().chain([TIMEOUT, key]) {
                let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) else { continue };
                let given = HeaderMap::from_iter([(key, value)]);
                if let Err(refusal) = read(&given, Instant::now(), DEFAULT) {
                    prop_assert!(!refusal.violations.is_empty());
                }
            }
        }
    }

    #[test]
    fn the_longest_timeout_overflows_nothing() {
        let (call, _) = read(&headers(&[("grpc-timeout", "99999999H")]), Instant::now(), DEFAULT).unwrap();
        assert!(call.deadline.at(Instant::now()) > Instant::now() + Duration::from_secs(3_600));
    }
}
