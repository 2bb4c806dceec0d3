//! What requests may not say.

use prost_reflect::{DynamicMessage, Value};

use super::ValueType;
use super::fixture::{catalog, oid};
use crate::contract;
use crate::plan::codec::fixture::field;
use crate::wire::{UnknownKeys, message_from_json};

fn given(type_name: &str, declaration: &str, json: &str) -> Result<Option<bytes::Bytes>, super::Malformed> {
    let catalog = catalog();
    let field = field(declaration);
    let json = format!("{{\"f\":{json}}}");
    let message: DynamicMessage =
        message_from_json(field.parent_message(), &json, UnknownKeys::Refused).expect("proto JSON");
    let value: Value = message.get_field(&field).into_owned();
    ValueType::of(&catalog, oid(&catalog, type_name)).from_proto(
        &value,
        &field,
        contract::column(&field).unit(),
    )
}

#[track_caller]
fn refuses(type_name: &str, declaration: &str, json: &str, expected: &str) {
    assert_eq!(given(type_name, declaration, json).expect_err(json).text, expected);
}

#[test]
fn values_that_the_type_cannot_hold_are_refused() {
    refuses("int2", "int64 f = 1;", "40000", "is not an int2: write a whole number from -32768 to 32767");
    refuses("oid", "int64 f = 1;", "-1", "is not an oid: write a whole number from 0 to 4294967295");
    refuses("uuid", "bytes f = 1;", "\"AAAA\"", "is no uuid: it has 16 bytes, and these are 3");
    refuses(
        "uuid",
        "string f = 1;",
        "\"x\"",
        "is not a uuid: write it as 00000000-0000-0000-0000-000000000000",
    );
    refuses("text", "string f = 1;", "\"a\\u0000\"", "has U+0000 at byte 1, which Postgres cannot store");
    refuses(
        "hstore",
        "map<string, string> f = 1;",
        "{\"a\":\"\\u0000\"}",
        "has U+0000 at byte 0, which Postgres cannot store",
    );
    refuses("s.mood", "Mood f = 1;", "17", "is no mood: 17 stands for no label");
    refuses(
        "s.mood",
        "string f = 1;",
        "\"SAD\"",
        "is not a mood: it is one of sad, so so, very-happy, Ünïcode, ",
    );
    let date = "it needs a year from 1 to 9999, a month and a day that exist";
    refuses(
        "date",
        "google.type.Date f = 1;",
        r#"{"year":2023,"month":2,"day":29}"#,
        &format!("is no date: {date}"),
    );
    refuses("date", "google.type.Date f = 1;", r#"{"year":2023}"#, &format!("is no date: {date}"));
    refuses(
        "time",
        "google.type.TimeOfDay f = 1;",
        r#"{"hours":24,"nanos":1000}"#,
        "is no time: it goes from 00:00 to 24:00",
    );
    refuses(
        "int4",
        "google.protobuf.Duration f = 1 [(rowcall.v1.column).unit = SECONDS];",
        "\"1.5s\"",
        "is not a whole number of seconds, which the column counts",
    );
    refuses(
        "int4[]",
        "repeated int64 f = 1;",
        "[1, 3000000000]",
        "has an element 1 that is not an int4: write a whole number from -2147483648 to 2147483647",
    );
}

#[test]
fn an_enums_zero_without_a_label_is_null() {
    assert_eq!(given("s.mood", "Mood f = 1;", "0"), Ok(None));
    assert_eq!(given("s.mood", "Mood f = 1;", "1").unwrap().unwrap()[..], *b"sad");
}

#[test]
fn times_are_rounded_to_microseconds_as_postgres_does() {
    let timestamp =
        given("timestamptz", "google.protobuf.Timestamp f = 1;", "\"2000-01-01T00:00:00.0000015Z\"");
    assert_eq!(timestamp.unwrap().unwrap()[..], 2i64.to_be_bytes());
    let interval = given("interval", "google.protobuf.Duration f = 1;", "\"-0.0000015s\"").unwrap().unwrap();
    assert_eq!(interval[..8], (-2i64).to_be_bytes());
}
