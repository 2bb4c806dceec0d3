//! Every line of the type table, through a real server and a real Postgres: what a column's value is as
//! a field, and that the field is the same value again as an argument.

use std::fmt::Write as _;
use std::fs;

use serde_json::json;
use tempfile::TempDir;
use tonic::Code;

use crate::support::{Answer, Database, EMPTY, Local, database, serve};

/// Column type, literal, field type, options, the field as proto JSON; nothing where it is left out.
type Line = (&'static str, &'static str, &'static str, &'static str, &'static str);

const SETUP: &str = r#"
CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree;
CREATE TYPE mood AS ENUM ('sad', 'so so', 'very-happy', 'ünïcode');
CREATE TYPE address AS (street text, "zip code" int4, tags text[], feeling mood, ok bool);
CREATE DOMAIN positive AS int4 CHECK (VALUE > 0);
CREATE DOMAIN email AS citext;
"#;

/// Names that need their quotes.
const KEYWORDS: [&str; 16] = [
    "select", "from", "where", "group", "user", "table", "column", "end", "all", "desc", "limit", "offset",
    "default", "check", "array", "null",
];

const REPRESENTABLE: &[Line] = &[
    ("bool", "true", "bool", "", "true"),
    ("bool", "false", "optional bool", "", "false"),
    ("bool", "false", "bool", "", ""),
    ("int2", "-32768", "int32", "", "-32768"),
    ("int2", "32767", "int64", "", "\"32767\""),
    ("int4", "-2147483648", "int32", "", "-2147483648"),
    ("int4", "2147483647", "sint32", "", "2147483647"),
    ("int4", "2147483647", "sfixed32", "", "2147483647"),
    ("int4", "0", "int32", "", ""),
    ("int8", "-9223372036854775808", "int64", "", "\"-9223372036854775808\""),
    ("int8", "9223372036854775807", "sint64", "", "\"9223372036854775807\""),
    ("int8", "9223372036854775807", "sfixed64", "", "\"9223372036854775807\""),
    ("int8", "9223372036854775807", "string", "", "\"9223372036854775807\""),
    ("oid", "4294967295", "uint32", "", "4294967295"),
    ("positive", "7", "int32", "", "7"),
    ("float4", "3.4028235e+38", "float", "", "3.4028235e+38"),
    ("float4", "1e-45", "float", "", "1e-45"),
    ("float4", "0.1", "double", "", "0.10000000149011612"),
    ("float8", "1.7976931348623157e+308", "double", "", "1.7976931348623157e+308"),
    ("float8", "5e-324", "double", "", "5e-324"),
    ("float8", "NaN", "double", "", "\"NaN\""),
    ("float8", "-Infinity", "double", "", "\"-Infinity\""),
    ("float8", "1e15", "string", "", "\"1e+15\""),
    ("numeric", "0.000", "string", "", "\"0.000\""),
    (
        "numeric",
        "-99999999999999999999999999999999999999.990",
        "string",
        "",
        "\"-99999999999999999999999999999999999999.990\"",
    ),
    ("numeric(10,2)", "1.5", "string", "", "\"1.50\""),
    ("numeric", "NaN", "string", "", "\"NaN\""),
    ("numeric", "-Infinity", "string", "", "\"-Infinity\""),
    ("numeric", "12.5", "double", "", "12.5"),
    ("text", "", "string", "", ""),
    ("text", "", "optional string", "", "\"\""),
    ("text", "aé漢𝄞\u{10FFFF}\u{E000}\u{1}", "string", "", "\"aé漢𝄞\u{10FFFF}\u{E000}\\u0001\""),
    ("varchar(5)", "a'b\"\\", "string", "", "\"a'b\\\"\\\\\""),
    ("char(4)", "a", "string", "", "\"a   \""),
    ("name", "pg_class", "string", "", "\"pg_class\""),
    ("citext", "CiText", "string", "", "\"CiText\""),
    ("email", "A@b.c", "string", "", "\"A@b.c\""),
    ("xml", "<a>1</a>", "string", "", "\"<a>1</a>\""),
    ("inet", "2001:db8::1/64", "string", "", "\"2001:db8::1/64\""),
    ("inet", "192.0.2.1", "string", "", "\"192.0.2.1\""),
    ("cidr", "10.0.0.0/8", "string", "", "\"10.0.0.0/8\""),
    ("macaddr", "08:00:2b:01:02:03", "string", "", "\"08:00:2b:01:02:03\""),
    ("ltree", "a.b_c", "string", "", "\"a.b_c\""),
    (
        "uuid",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "string",
        "",
        "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"",
    ),
    ("uuid", "00000000-0000-0000-0000-000000000000", "bytes", "", "\"AAAAAAAAAAAAAAAAAAAAAA==\""),
    ("mood", "so so", "string", "", "\"so so\""),
    ("mood", "sad", "Mood", "", "\"MOOD_SAD\""),
    ("mood", "so so", "Mood", "", "\"SO_SO\""),
    ("mood", "very-happy", "Mood", "", "\"MOOD_VERY_HAPPY\""),
    ("mood", "ünïcode", "Mood", "", "\"MOOD_FOREIGN\""),
    ("int4", "3", "Mood", "", "\"MOOD_VERY_HAPPY\""),
    ("bytea", "\\x00ff", "bytes", "", "\"AP8=\""),
    ("bytea", "\\x", "optional bytes", "", "\"\""),
    ("timestamptz", "0001-01-01 00:00:00+00", "google.protobuf.Timestamp", "", "\"0001-01-01T00:00:00Z\""),
    (
        "timestamptz",
        "9999-12-31 23:59:59.999999+00",
        "google.protobuf.Timestamp",
        "",
        "\"9999-12-31T23:59:59.999999Z\"",
    ),
    ("timestamp", "1969-12-31 23:59:59.5", "google.protobuf.Timestamp", "", "\"1969-12-31T23:59:59.500Z\""),
    ("timestamptz", "0044-03-15 12:00:00+00 BC", "string", "", "\"0044-03-15 12:00:00+00 BC\""),
    ("timestamp", "infinity", "string", "", "\"infinity\""),
    ("date", "2024-02-29", "google.type.Date", "", r#"{"year":2024,"month":2,"day":29}"#),
    ("date", "4714-11-24 BC", "string", "", "\"4714-11-24 BC\""),
    ("time", "24:00", "google.type.TimeOfDay", "", r#"{"hours":24}"#),
    (
        "time",
        "23:59:59.999999",
        "google.type.TimeOfDay",
        "",
        r#"{"hours":23,"minutes":59,"seconds":59,"nanos":999999000}"#,
    ),
    ("time", "24:00", "string", "", "\"24:00:00\""),
    ("interval", "-1.5 s", "google.protobuf.Duration", "", "\"-1.500s\""),
    ("interval", "1 year -2 mons 3 days -04:05:06.789", "string", "", "\"10 mons 3 days -04:05:06.789\""),
    ("int4", "343719", "google.protobuf.Duration", "unit: MILLISECONDS", "\"343.719s\""),
    ("int8", "-3", "google.protobuf.Duration", "unit: DAYS", "\"-259200s\""),
    ("json", r#"{"a" : [1.5, null]}"#, "google.protobuf.Struct", "", r#"{"a":[1.5,null]}"#),
    ("jsonb", r#"{"a":{"b":"𝄞"}}"#, "google.protobuf.Struct", "", r#"{"a":{"b":"𝄞"}}"#),
    ("jsonb", "[true,\"x\"]", "google.protobuf.Value", "", "[true,\"x\"]"),
    ("jsonb", "null", "google.protobuf.Value", "", "null"),
    ("jsonb", "[]", "google.protobuf.ListValue", "", "[]"),
    ("jsonb", r#"{"b":1,"a":2}"#, "string", "", r#""{\"a\": 2, \"b\": 1}""#),
    ("jsonb", r#"{"theme":"dark","size":3}"#, "Settings", "", r#"{"theme":"dark","size":3}"#),
    ("jsonb", r#"{"k":"v"}"#, "map<string, string>", "", r#"{"k":"v"}"#),
    ("hstore", r#""k"=>"""#, "map<string, string>", "", r#"{"k":""}"#),
    ("int4[]", "{}", "repeated int32", "", ""),
    ("int4[]", "{0,2147483647}", "repeated int32", "", "[0,2147483647]"),
    ("text[]", r#"{"",NULLS,"a b"}"#, "repeated string", "", r#"["","NULLS","a b"]"#),
    ("mood[]", r#"{sad,"so so"}"#, "repeated Mood", "", r#"["MOOD_SAD","SO_SO"]"#),
    ("positive[]", "{1,2}", "repeated int32", "", "[1,2]"),
    ("date[]", "{2024-02-29}", "repeated google.type.Date", "", r#"[{"year":2024,"month":2,"day":29}]"#),
    ("int4[]", "[0:1]={1,2}", "string", "", "\"[0:1]={1,2}\""),
    ("money[]", "{1.00}", "repeated string", "", "[\"$1.00\"]"),
    (
        "address",
        r#"(Main,12345,"{a,""b c""}","so so",f)"#,
        "Address",
        "",
        r#"{"street":"Main","zip":12345,"tags":["a","b c"],"feeling":"SO_SO","ok":false}"#,
    ),
    (
        "address[]",
        r#"{"(Main,,{},sad,)"}"#,
        "repeated Address",
        "",
        r#"[{"street":"Main","feeling":"MOOD_SAD"}]"#,
    ),
    ("address", "(,1,,,)", "string", "", "\"(,1,,,)\""),
    ("int4range", "[1,5]", "Int4Range", "", r#"{"lower":1,"upper":6,"lowerInclusive":true}"#),
    ("int4range", "(,)", "Int4Range", "", "{}"),
    ("int4range", "empty", "Int4Range", "", r#"{"empty":true}"#),
    (
        "tstzrange",
        "[2020-01-01 00:00:00+00,)",
        "TimeRange",
        "",
        r#"{"lower":"2020-01-01T00:00:00Z","lowerInclusive":true}"#,
    ),
    ("numrange", "(1.50,2]", "string", "", "\"(1.50,2]\""),
    (
        "int4multirange",
        "{[1,5),[7,)}",
        "repeated Int4Range",
        "",
        r#"[{"lower":1,"upper":5,"lowerInclusive":true},{"lower":7,"lowerInclusive":true}]"#,
    ),
    ("int4multirange", "{}", "string", "", "\"{}\""),
    ("money", "1.00", "string", "", "\"$1.00\""),
    ("bit(3)", "101", "string", "", "\"101\""),
    ("varbit", "1", "string", "", "\"1\""),
    ("tsvector", "a:1", "string", "", "\"'a':1\""),
    ("point", "(1,2)", "string", "", "\"(1,2)\""),
    ("timetz", "12:00:00+02", "string", "", "\"12:00:00+02\""),
    ("pg_lsn", "16/B374D848", "string", "", "\"16/B374D848\""),
];

/// What no field of the type holds; the last is why.
const UNREPRESENTABLE: &[Line] = &[
    ("timestamptz", "infinity", "google.protobuf.Timestamp", "", "infinity is no google.protobuf.Timestamp"),
    ("timestamp", "0001-12-31 BC", "google.protobuf.Timestamp", "", "0001-12-31 00:00:00 BC is no"),
    ("date", "10000-01-01", "google.type.Date", "", "10000-01-01 is no google.type.Date"),
    ("interval", "1 mon", "google.protobuf.Duration", "", "1 mon is no google.protobuf.Duration"),
    ("int4[]", "{1,NULL}", "repeated int32", "", "[1]: is NULL"),
    ("int4[]", "{{1},{2}}", "repeated int32", "", "2 dimensions"),
    ("hstore", "a=>NULL", "map<string, string>", "", "the value of \"a\" is NULL"),
    ("jsonb", "[]", "google.protobuf.Struct", "", "is JSON but not an object"),
    ("int8", "4294967296", "Mood", "", "4294967296 is no number of an enum"),
    ("numeric", "1e400", "double", "", "larger than a double"),
];

const CONTRACT: &str = r#"
syntax = "proto3";
package types.v1;
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/type/date.proto";
import "google/type/timeofday.proto";
import "rowcall/v1/options.proto";

service TypesService {
  rpc GetSample(GetSampleRequest) returns (Sample);
  rpc GetOther(GetOtherRequest) returns (Other);
  rpc Echo(EchoRequest) returns (EchoResponse) { option (rowcall.v1.method) = { query: "echo.sql" }; }
}
message GetSampleRequest { int64 id = 1; google.protobuf.FieldMask read_mask = 2; }
message GetOtherRequest { int64 id = 1; google.protobuf.FieldMask read_mask = 2; }
enum Mood {
  MOOD_UNSPECIFIED = 0;
  MOOD_SAD = 1;
  SO_SO = 2;
  MOOD_VERY_HAPPY = 3;
  MOOD_FOREIGN = 4 [(rowcall.v1.label) = "ünïcode"];
}
message Address {
  optional string street = 1;
  optional int32 zip = 2 [(rowcall.v1.column) = { name: "zip code" }];
  repeated string tags = 3;
  Mood feeling = 4;
  optional bool ok = 5;
}
message Int4Range { optional int32 lower = 1; optional int32 upper = 2; bool lower_inclusive = 3; bool upper_inclusive = 4; bool empty = 5; }
message TimeRange { google.protobuf.Timestamp lower = 1; google.protobuf.Timestamp upper = 2; bool lower_inclusive = 3; bool upper_inclusive = 4; bool empty = 5; }
message Settings { string theme = 1; int32 size = 2; }
"#;

fn column(at: usize) -> String {
    KEYWORDS.get(at).map_or_else(|| format!("c{at}"), |name| name.to_string())
}

fn fields(lines: &[Line], first: usize) -> String {
    let mut text = String::new();
    for (at, (_, _, field, options, _)) in lines.iter().enumerate() {
        let options = match *options {
            "" => String::new(),
            options => format!(" [(rowcall.v1.column) = {{ {options} }}]"),
        };
        writeln!(text, "  {field} {} = {}{options};", column(at), at + first).unwrap();
    }
    text
}

fn table(name: &str, lines: &[Line]) -> String {
    let columns: Vec<_> =
        lines.iter().enumerate().map(|(at, line)| format!("\"{}\" {}", column(at), line.0)).collect();
    let values: Vec<_> = lines.iter().map(|line| format!("'{}'", line.1.replace('\'', "''"))).collect();
    format!(
        "CREATE TABLE \"{name}\" (id int8 PRIMARY KEY, {});\nINSERT INTO \"{name}\" VALUES (1, {}), (2{});\n",
        columns.join(", "),
        values.join(", "),
        ", NULL".repeat(lines.len())
    )
}

fn contract() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let message = |name: &str, table: &str, lines| {
        format!(
            "message {name} {{\n  option (rowcall.v1.table) = {{ name: \"{table}\" }};\n  int64 id = 1;\n{}}}\n",
            fields(lines, 2)
        )
    };
    let proto = format!(
        "{CONTRACT}{}{}message EchoRequest {{\n{}}}\nmessage EchoResponse {{\n{}}}\n",
        message("Sample", "order", REPRESENTABLE),
        message("Other", "other", UNREPRESENTABLE),
        fields(REPRESENTABLE, 2),
        fields(REPRESENTABLE, 2),
    );
    fs::write(folder.path().join("types.proto"), proto).expect("written");
    let arguments = REPRESENTABLE.iter().enumerate();
    let arguments: Vec<_> =
        arguments.map(|(at, line)| format!("CAST(:{0} AS {1}) AS \"{0}\"", column(at), line.0)).collect();
    fs::write(folder.path().join("echo.sql"), format!("SELECT {}", arguments.join(",\n  ")))
        .expect("written");
    folder
}

async fn samples() -> (Database, Local) {
    let database = database(EMPTY).await;
    database.execute(SETUP).await;
    database.execute(&table("order", REPRESENTABLE)).await;
    database.execute(&table("other", UNREPRESENTABLE)).await;
    let folder = contract();
    let local = serve(folder.path().to_str().expect("UTF-8"), &database.url, &[]).await;
    (database, local)
}

/// Numbers as the float nearest to them.
fn single(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Number(number) => f64::from(number.as_f64().expect("finite") as f32).into(),
        serde_json::Value::Array(values) => values.into_iter().map(single).collect(),
        other => other,
    }
}

/// Proto JSON as the standard has it.
fn shown(answer: &Answer) -> serde_json::Value {
    serde_json::to_value(&answer.message).expect("what decodes has a JSON form")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_goes_out_and_comes_back() {
    let (_database, Local { client, serving: _serving }) = samples().await;
    let got = client.call("GetSample", json!({ "id": "1" })).await.expect("the row");
    let mut fields = shown(&got);
    let descriptor = client.method("GetSample").output();
    for (at, line) in REPRESENTABLE.iter().enumerate() {
        let name = descriptor.get_field_by_name(&column(at)).expect("declared").json_name().to_owned();
        let found = fields.get(&name).cloned();
        let expected = (!line.4.is_empty()).then(|| serde_json::from_str(line.4).expect("JSON"));
        // A float is shown as the double it is equal to.
        let expected = expected.map(|value| if line.2.contains("float") { single(value) } else { value });
        assert_eq!(found, expected, "{} '{}' as {}", line.0, line.1, line.2);
    }

    let null = client.call("GetSample", json!({ "id": "2" })).await.expect("the row");
    assert_eq!(null.json(), json!({ "id": "2" }));

    fields.as_object_mut().expect("a message").remove("id");
    let echoed = client.call("Echo", fields.clone()).await.expect("the arguments");
    let echoed = shown(&echoed);
    for (name, field) in fields.as_object().expect("a message") {
        assert_eq!(echoed.get(name), Some(field), "{name} back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_field_holds_is_out_of_range_by_row_and_field() {
    let (_database, Local { client, serving: _serving }) = samples().await;
    for (at, line) in UNREPRESENTABLE.iter().enumerate() {
        let request = json!({ "id": "1", "read_mask": column(at) });
        let failure = client.call("GetOther", request).await.expect_err(line.1);
        assert_eq!(
            (failure.code, &*failure.reason),
            (Code::OutOfRange, "VALUE_UNREPRESENTABLE"),
            "{}",
            line.1
        );
        let message = failure.message;
        assert!(
            message.contains(line.4) && message.contains(&column(at)) && message.starts_with('1'),
            "{message}"
        );
    }
    let request = json!({ "id": "1", "read_mask": "id" });
    let around = client.call("GetOther", request).await.expect("the mask leaves them out");
    assert_eq!(around.json(), json!({ "id": "1" }));
}
