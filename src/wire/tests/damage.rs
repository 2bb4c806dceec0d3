//! Bytes that Postgres would not send, and JSON that it might.

use proptest::prelude::*;

use super::*;
use crate::damage::{self, timed};
use crate::plan::codec::JsonRoot;
use crate::wire::json;

/// A declaration for every codec.
const CODECS: &[(&str, &str, &str)] = &[
    ("bool", "true", "bool f = 1;"),
    ("int2", "1", "int32 f = 1;"),
    ("int4", "1", "sint32 f = 1;"),
    ("int8", "1", "fixed64 g = 2; sfixed64 f = 1;"),
    ("oid", "1", "fixed32 f = 1;"),
    ("int8", "1", "Mood f = 1;"),
    ("float4", "1", "double f = 1;"),
    ("float8", "1", "double f = 1;"),
    ("numeric", "10000.5", "double f = 1;"),
    ("numeric", "10000.5", "string f = 1;"),
    ("ltree", "a.b", "string f = 1;"),
    ("jsonb", "{\"a\":[1,\"\\u00e9\"]}", "string f = 1;"),
    ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "string f = 1;"),
    ("inet", "1.2.3.4/8", "string f = 1;"),
    ("bytea", "\\x00", "bytes f = 1;"),
    ("s.mood", "sad", "Mood f = 1;"),
    ("timestamptz", "2020-01-01T00:00:00Z", "google.protobuf.Timestamp f = 1;"),
    ("timestamptz", "2020-01-01T00:00:00Z", "string f = 1;"),
    ("date", "2020-01-01", "google.type.Date f = 1;"),
    ("date", "2020-01-01", "string f = 1;"),
    ("time", "12:00", "google.type.TimeOfDay f = 1;"),
    ("interval", "90s", "google.protobuf.Duration f = 1;"),
    ("interval", "1 mon 2 days 03:00:00", "string f = 1;"),
    ("int4", "90", "google.protobuf.Duration f = 1 [(rowcall.v1.column).unit = DAYS];"),
    ("json", "{\"a\":[1,\"\\u00e9\",{\"b\":null}]}", "google.protobuf.Struct f = 1;"),
    ("jsonb", "[1,\"\\ud834\\udd1e\",{\"b\":true}]", "google.protobuf.Value f = 1;"),
    ("jsonb", "[1]", "google.protobuf.ListValue f = 1;"),
    ("jsonb", "{\"theme\":\"x\",\"zoom\":[1]}", "Settings f = 1;"),
    ("jsonb", "{\"a\":\"x\"}", "map<string, string> f = 1;"),
    ("hstore", "\"a\"=>\"b\"", "map<string, string> f = 1;"),
    ("int4[]", "{1,2}", "repeated int32 f = 1;"),
    ("text[]", "{a,b}", "repeated string f = 1;"),
    ("s.address", "(Main,12345,\"{a,b}\",sad,f)", "Address f = 1;"),
    ("numrange", "[1.5,2.5)", "NumRange f = 1;"),
    ("int4multirange", "{[1,5),[7,)}", "repeated Int4Range f = 1;"),
    ("int4multirange", "{[1,5),[7,)}", "Int4Ranges f = 1;"),
    ("bpchar", "ab ", "string f = 1;"),
    ("date[]", "{2020-01-01,infinity}", "repeated string f = 1;"),
    ("numeric[]", "{1.5,NaN}", "repeated string f = 1;"),
    ("jsonb[]", "{\"[1]\"}", "repeated google.protobuf.Value f = 1;"),
    ("bytea[]", "{\"\\\\x00\"}", "repeated bytes f = 1;"),
    ("interval[]", "{90s}", "repeated google.protobuf.Duration f = 1;"),
    ("timestamptz[]", "{\"2020-01-01 00:00:00+00\"}", "repeated google.protobuf.Timestamp f = 1;"),
    ("s.mood[]", "{sad}", "repeated Mood f = 1;"),
    ("s.address[]", "{\"(Main,12345,,sad,f)\"}", "repeated Address f = 1;"),
    ("tstzrange", "[\"2020-01-01 00:00:00+00\",)", "TimeRange f = 1;"),
    ("tstzmultirange", "{[\"2020-01-01 00:00:00+00\",)}", "repeated string f = 1;"),
];

type Sample = (ValueType, FieldDescriptor, Fit, Vec<u8>);

static CHOSEN: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let each = CODECS.iter().map(|(name, literal, declaration)| {
        let (value, field, fit) = chosen(name, declaration);
        let bytes = column(&value, &fit, literal);
        (value, field, fit, bytes)
    });
    each.collect()
});

/// Whatever the bytes are, what is written decodes, or nothing is; text is trusted to be UTF-8.
fn survives(field: &FieldDescriptor, fit: &Fit, bytes: &[u8]) {
    let mut out = Vec::new();
    if field::write(&fit.codec, Some(bytes), &mut out).is_ok() {
        let decoded = DynamicMessage::decode(field.parent_message().clone(), &out[..]);
        let text = |error: &prost::DecodeError| error.to_string().contains("UTF-8");
        assert!(decoded.as_ref().map_or_else(text, |_| true), "{} {bytes:?} {out:?}", field.full_name());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_written_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..48)) {
        for (_, field, fit, _) in CHOSEN.iter() {
            survives(field, fit, &bytes);
        }
    }

    #[test]
    fn any_damage_is_written_or_refused(
        at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        for (_, field, fit, bytes) in CHOSEN.iter() {
            let mut bytes = bytes.clone();
            let at = at.index(bytes.len());
            bytes[at] = to;
            survives(field, fit, &bytes);
            bytes.truncate(cut.index(bytes.len()));
            survives(field, fit, &bytes);
        }
    }

    #[test]
    fn any_deep_damage_is_written_or_refused(bytes in damage::bytes(CHOSEN.iter().map(|(.., bytes)| bytes.clone()))) {
        for (_, field, fit, _) in CHOSEN.iter() {
            timed(&bytes, || survives(field, fit, &bytes));
        }
    }

    #[test]
    fn any_text_as_json_is_written_or_refused(text in damage::texts(JSONS)) {
        for (root, message) in ROOTS {
            let mut out = Vec::new();
            if timed(&text, || json::write(root, &text, &mut out)).is_ok() {
                let (_, field, _) = chosen("json", &format!("google.protobuf.{message} f = 1;"));
                let prost_reflect::Kind::Message(of) = field.kind() else { panic!("{message} is a message") };
                let decoded = DynamicMessage::decode(of, &out[..]);
                prop_assert!(decoded.is_ok(), "{text:?} {out:?} {decoded:?}");
            }
        }
        for (_, field, fit, _) in CHOSEN.iter() {
            timed(&text, || survives(field, fit, text.as_bytes()));
        }
    }

    #[test]
    fn any_json_is_what_it_was(value in any_json()) {
        let text = value.to_string();
        let (_, field, fit) = &*JSON;
        let (_, json) = decoded(fit, field, Some(text.as_bytes())).unwrap();
        let back: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&back["f"], &value);
    }
}

const ROOTS: [(JsonRoot, &str); 3] =
    [(JsonRoot::Struct, "Struct"), (JsonRoot::Value, "Value"), (JsonRoot::ListValue, "ListValue")];

const JSONS: [&str; 5] = [
    "{\"a\": [1, -2.5e3, \"\\u00e9\\ud834\\udd1e\"], \"b\": {\"c\": null}}",
    "[true, false, null, [[[]]], {\"\": {}}]",
    "{\"theme\": \"x\", \"zoom\": [1], \"font_size\": 3, \"inner\": {\"extra\": [0]}}",
    "\"text\\n\\\"\"",
    "1e308",
];

static JSON: LazyLock<(ValueType, FieldDescriptor, Fit)> =
    LazyLock::new(|| chosen("json", "google.protobuf.Value f = 1;"));

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        prop::num::f64::NORMAL.prop_map(serde_json::Value::from),
        ".{0,8}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}
