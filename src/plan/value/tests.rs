//! Values against what Postgres 15 wrote (`samples.tsv`: type, `send` in hexadecimal, text), and against
//! themselves.

use std::fmt::Write as _;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::fixture::{catalog, oid};
use super::{Kind, ValueType, network};
use crate::catalog::Catalog;
use crate::damage::{self, timed};

fn value(name: &str) -> ValueType {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(catalog);
    ValueType::of(&CATALOG, oid(&CATALOG, name))
}

/// Type, binary, text.
fn samples() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let lines = include_str!("samples.tsv").lines();
    lines
        .map(|line| {
            let mut parts = line.splitn(3, '\t');
            let mut part = || parts.next().unwrap();
            (part(), network::hexadecimal(part()).unwrap(), part())
        })
        .collect()
}

#[test]
fn values_are_written_as_postgres_writes_them() {
    for (name, binary, text) in samples() {
        let mut written = String::new();
        value(name).write(&binary, &mut written).unwrap_or_else(|e| panic!("{name} {text}: {e}"));
        assert_eq!(written, text, "{name}");
    }
}

#[test]
fn text_becomes_the_bytes_that_postgres_sends() {
    for (name, binary, text) in samples() {
        let several_dimensions = text.starts_with("{{");
        if several_dimensions {
            continue;
        }
        let parsed = value(name).canonical(text).unwrap_or_else(|e| panic!("{name} {text}: {e}"));
        // The scale that Postgres gives an infinite numeric, and an array's flag for NULLs, are not
        // read; jsonb is stored as its text was sent.
        if text.contains("Infinity") && name == "numeric" {
            continue;
        }
        assert_eq!(parsed[..], binary[..], "{name} {text}");
    }
}

#[track_caller]
fn refuses(name: &str, text: &str, expected: &str) {
    let error = value(name).parse(text).expect_err(text);
    assert_eq!(error.text, expected);
}

#[test]
fn what_is_out_of_range_is_refused_with_the_range() {
    refuses("int2", "32768", "is not an int2: write a whole number from -32768 to 32767");
    refuses("int4", "2147483648", "is not an int4: write a whole number from -2147483648 to 2147483647");
    refuses("int4", "", "is not an int4: write a whole number from -2147483648 to 2147483647");
    refuses("int4", "1.0", "is not an int4: write a whole number from -2147483648 to 2147483647");
    refuses(
        "int8",
        "9223372036854775808",
        "is not an int8: write a whole number from -9223372036854775808 to 9223372036854775807",
    );
    refuses("oid", "-1", "is not an oid: write a whole number from 0 to 4294967295");
    refuses("float8", "1e400", "is not a float8: write a number, as 1.5");
    refuses("float4", "1e40", "is not a float4: write a number, as 1.5");
    refuses("float8", "inf", "is not a float8: write a number, as 1.5");
    refuses("bool", "t", "is not a bool: write true or false");
    refuses("date", "2023-02-29", "is not a date: write it as 2006-01-02");
    refuses("date", "0000-01-01", "is not a date: write it as 2006-01-02");
    refuses("date", "2023-2-1", "is not a date: write it as 2006-01-02");
    refuses("date", "4714-11-23 BC", "is not a date: write it as 2006-01-02");
    refuses("time", "24:00:01", "is not a time: write it as 15:04:05.999999, up to 24:00");
    refuses(
        "timestamptz",
        "294277-01-01T00:00:00Z",
        "is not a timestamptz: write it as 2006-01-02T15:04:05.999999Z",
    );
    refuses("timestamptz", "2020-01-01", "is not a timestamptz: write it as 2006-01-02T15:04:05.999999Z");
    refuses(
        "uuid",
        "a0eebc999c0b4ef8bb6d6bb9bd380a11",
        "is not a uuid: write it as 00000000-0000-0000-0000-000000000000",
    );
    refuses(
        "cidr",
        "1.2.3.4/24",
        "is not a cidr: write a network, as 192.0.2.0/24, no bits set behind its prefix",
    );
    refuses("inet", "1.2.3.4/33", "is not an inet: write an address, as 192.0.2.1 or 2001:db8::/32");
    refuses("macaddr", "08:00:2b:01:02", "is not a macaddr: write it as 08:00:2b:01:02:03");
    refuses("s.mood", "glad", "is not a mood: it is one of sad, so so, very-happy, Ünïcode, ");
    refuses("text", "a\0b", "has U+0000 at byte 1, which Postgres cannot store");
    refuses("jsonb", "{", "is not a jsonb: no JSON at line 1, column 1");
    refuses("bytea", "\\x0", "is not a bytea: write it in hexadecimal, as \\x00ff");
    refuses("int4[]", "{1,}", "is not an int4[]: write one dimension, as {1,2}");
    refuses("int4[]", "{1,x}", "is not an int4: write a whole number from -2147483648 to 2147483647");
    refuses("int4range", "1,2", "is not an int4range: write it as [1,5) or empty");
    refuses(
        "interval",
        "1 fortnight",
        "is not an interval: write it as 90s or 1 year 2 mons 3 days 04:05:06",
    );
}

#[test]
fn a_zone_is_z_or_has_a_sign() {
    for text in [
        "2020-01-01T00:00:00Z05:00",
        "2020-01-01T00:00:00z05",
        "2020-01-01T00:00:00+",
        "2020-01-01T00:00:00-5",
    ] {
        assert!(value("timestamptz").parse(text).is_err(), "{text}");
    }
    assert!(value("timestamptz").parse("2020-01-01T00:00:00+05:30").is_ok());
}

#[test]
fn only_the_canonical_text_names_a_row() {
    for (name, text, canonical) in [
        ("int4", "042", "42"),
        ("int4", "+42", "42"),
        ("int8", "-0", "0"),
        ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("numeric", "+1.50", "1.50"),
        ("numeric", "01.50", "1.50"),
        ("numeric", "-0.0", "0.0"),
        ("numeric", "15e-1", "1.5"),
        ("numeric", "15e3", "15000"),
        ("timestamptz", "2020-01-01T02:00:00+02:00", "2020-01-01 00:00:00+00"),
        ("timestamptz", "2020-01-01T00:00:00.1234567Z", "2020-01-01 00:00:00.123457+00"),
        ("timestamp", "2020-01-01T00:00:00Z", "2020-01-01 00:00:00"),
        ("interval", "3661.5s", "01:01:01.5"),
        ("interval", "-0.000001s", "-00:00:00.000001"),
        ("time", "12:30", "12:30:00"),
        ("macaddr", "08-00-2B-01-02-03", "08:00:2b:01:02:03"),
        ("float8", "1.50", "1.5"),
    ] {
        let value = value(name);
        let mut written = String::new();
        value.format(&value.parse(text).unwrap(), &mut written);
        assert_eq!(written, canonical, "{name}");
        assert_eq!(
            value.canonical(text).unwrap_err().text,
            format!("is not in canonical form: write {canonical}")
        );
        assert_eq!(value.canonical(canonical), value.parse(text));
    }
}

#[test]
fn domains_travel_as_their_base_and_unknown_types_as_text() {
    let domain = value("s.positive");
    assert_eq!(
        (domain.oid, domain.array_oid, domain.cast.clone(), domain.kind()),
        (23, 1007, None, Kind::Integer)
    );
    let array = value("s.positive[]");
    assert_eq!((array.oid, array.cast.as_deref()), (1007, Some(r#""s"."_positive""#)));
    let money = value("money");
    assert_eq!((money.oid, money.array_oid, money.kind()), (25, 1009, Kind::Other));
    assert_eq!(money.cast.as_deref(), Some(r#""pg_catalog"."money""#));
    let moneys = value("money[]");
    assert_eq!((moneys.oid, moneys.cast.as_deref()), (1009, Some(r#""pg_catalog"."_money""#)));
}

#[test]
fn bytes_of_no_value_are_shown_in_hexadecimal() {
    let mut written = String::from("tracks/");
    value("int4").format(&[1, 2, 3], &mut written);
    assert_eq!(written, "tracks/\\x010203");
}

#[test]
fn arrays_hold_nulls_and_may_be_empty() {
    let int4 = value("int4");
    let param = int4.array([Some(&[0, 0, 0, 1][..]), None].into_iter());
    let mut written = String::new();
    value("int4[]").format(&param.value.unwrap(), &mut written);
    assert_eq!((param.oid, written.as_str()), (1007, "{1,NULL}"));
    let empty = int4.array(std::iter::empty());
    assert_eq!(empty.value.unwrap()[..], network::hexadecimal("000000000000000000000017").unwrap());
}

#[test]
fn durations_count_whole_units() {
    use crate::contract::options::Unit;
    let int4 = value("int4");
    assert_eq!(int4.parse_duration("200s", Unit::Milliseconds), int4.parse("200000"));
    assert_eq!(int4.parse_duration("-1.5s", Unit::Milliseconds), int4.parse("-1500"));
    let error = int4.parse_duration("1.5s", Unit::Seconds).unwrap_err();
    assert_eq!(error.text, "is not a whole number of seconds, which the column counts");
    assert!(int4.parse_duration("1.5", Unit::Seconds).is_err());
    assert!(int4.parse_duration("9999999999s", Unit::Milliseconds).is_err());
}

fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = samples().iter().map(|(name, _, _)| *name).collect();
    names.dedup();
    names
}

/// What reads is written so that it reads as the same.
fn round_trip_of_text(name: &str, text: &str) {
    if let Ok(binary) = timed(text, || value(name).parse(text)) {
        let mut written = String::new();
        value(name).write(&binary, &mut written).unwrap_or_else(|e| panic!("{name} {text}: {e:?}"));
        let again = value(name).parse(&written).unwrap_or_else(|e| panic!("{name} {text} {written}: {e}"));
        let mut twice = String::new();
        value(name).write(&again, &mut twice).unwrap_or_else(|e| panic!("{name} {text}: {e:?}"));
        assert_eq!(twice, written, "{name} {text}");
    }
}

fn round_trip(name: &str, binary: &[u8]) {
    let value = value(name);
    let mut text = String::new();
    if value.write(binary, &mut text).is_ok() {
        let mut again = String::new();
        value.format(&value.parse(&text).unwrap_or_else(|e| panic!("{name} {text}: {e}")), &mut again);
        assert_eq!(again, text, "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_written_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        for name in names() {
            let _ = value(name).write(&bytes, &mut String::new());
        }
    }

    #[test]
    fn any_damage_to_a_sample_is_written_or_refused(
        at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        for (name, mut binary, _) in samples() {
            if !binary.is_empty() {
                let at = at.index(binary.len());
                binary[at] = to;
                let _ = value(name).write(&binary, &mut String::new());
                binary.truncate(cut.index(binary.len()));
                let _ = value(name).write(&binary, &mut String::new());
            }
        }
    }

    #[test]
    fn any_damage_to_a_literal_is_read_or_refused(text in damage::texts(samples().into_iter().map(|(_, _, text)| text))) {
        for name in names() {
            round_trip_of_text(name, &text);
        }
    }

    #[test]
    fn any_deep_damage_to_a_sample_is_written_or_refused(
        binary in damage::bytes(samples().into_iter().map(|(_, binary, _)| binary)),
    ) {
        for name in names() {
            timed(&binary, || value(name).write(&binary, &mut String::new()).is_ok());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,30}") {
        for name in names() {
            if let Ok(binary) = value(name).parse(&text) {
                let mut written = String::new();
                value(name).write(&binary, &mut written).unwrap();
            }
        }
    }

    #[test]
    fn integers_and_reals_survive(n in any::<i64>(), f in any::<f64>(), g in any::<f32>()) {
        round_trip("int8", &n.to_be_bytes());
        round_trip("float8", &f.to_be_bytes());
        round_trip("float4", &g.to_be_bytes());
        let mut text = String::new();
        value("float8").format(&f.to_be_bytes(), &mut text);
        let back = text.replace("Infinity", "inf").parse::<f64>().unwrap();
        prop_assert!(back == f || back.is_nan() && f.is_nan(), "{text}");
    }

    #[test]
    fn numerics_survive(integer in "[1-9][0-9]{0,40}|0", fraction in "[0-9]{0,40}", negative in any::<bool>()) {
        let mut text = String::new();
        let zero = integer == "0" && fraction.bytes().all(|b| b == b'0');
        if negative && !zero {
            text.push('-');
        }
        text.push_str(&integer);
        if !fraction.is_empty() {
            write!(text, ".{fraction}").unwrap();
        }
        prop_assert!(value("numeric").canonical(&text).is_ok(), "{text}");
    }

    #[test]
    fn times_survive(
        micros in -211_813_488_000_000_000i64..9_223_371_331_200_000_000,
        days in -2_451_545i32..2_145_031_949,
        clock in 0i64..=86_400_000_000,
        interval in any::<(i64, i32, i32)>(),
    ) {
        round_trip("timestamp", &micros.to_be_bytes());
        round_trip("timestamptz", &micros.to_be_bytes());
        round_trip("date", &days.to_be_bytes());
        round_trip("time", &clock.to_be_bytes());
        let (micros, days, months) = interval;
        let interval = super::time::Interval { micros, days, months };
        round_trip("interval", &interval.to_binary());
    }

    #[test]
    fn text_survives_inside_arrays_and_rows(text in "\\PC{0,12}|[ ,{}()\"\\\\\\n]{0,8}", other in ".{0,6}") {
        prop_assume!(!text.contains('\0') && !other.contains('\0'));
        let element = value("text");
        let array = element.array([Some(text.as_bytes()), None, Some(other.as_bytes())].into_iter());
        round_trip("text[]", &array.value.unwrap());
        let hstore = super::literal::hstore_bytes([(text.as_str(), Some(other.as_str()))].into_iter());
        round_trip("hstore", &hstore);
    }
}
