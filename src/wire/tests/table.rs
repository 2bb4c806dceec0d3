//! The type table, one line per value.

use super::*;

#[test]
fn scalars() {
    check("bool", "true", "bool f = 1;", "true");
    check("bool", "false", "bool f = 1;", "");
    check("bool", "false", "optional bool f = 1;", "false");
    for (min, max, name) in [("-32768", "32767", "int2"), ("-2147483648", "2147483647", "int4")] {
        for number in [min, max, "1", "-1"] {
            check(name, number, "int32 f = 1;", number);
            check(name, number, "sint32 f = 1;", number);
            check(name, number, "sfixed32 f = 1;", number);
            check(name, number, "int64 f = 1;", &format!("\"{number}\""));
            check(name, number, "string f = 1;", &format!("\"{number}\""));
        }
        check(name, "0", "int32 f = 1;", "");
        check(name, "0", "optional int32 f = 1;", "0");
        check(name, "0", "sfixed32 f = 1;", "");
    }
    for number in ["-9223372036854775808", "9223372036854775807", "1", "-1"] {
        check("int8", number, "int64 f = 1;", &format!("\"{number}\""));
        check("int8", number, "sint64 f = 1;", &format!("\"{number}\""));
        check("int8", number, "sfixed64 f = 1;", &format!("\"{number}\""));
    }
    check("int8", "0", "int64 f = 536870911;", "");
    check("int8", "7", "int64 f = 536870911;", "\"7\"");
    check("oid", "4294967295", "uint32 f = 1;", "4294967295");
    check("oid", "4294967295", "fixed32 f = 1;", "4294967295");
    check("oid", "4294967295", "int64 f = 1;", "\"4294967295\"");
    check("oid", "4294967295", "fixed64 f = 1;", "\"4294967295\"");
    check("s.positive", "7", "int32 f = 1;", "7");
}

#[test]
fn reals() {
    check("float4", "1.5", "float f = 1;", "1.5");
    check("float4", "3.4028235e+38", "float f = 1;", "3.4028235e+38");
    check("float4", "1e-45", "float f = 1;", "1e-45");
    check("float4", "NaN", "float f = 1;", "\"NaN\"");
    check("float4", "0", "float f = 1;", "");
    check("float4", "0.1", "double f = 1;", "0.10000000149011612");
    check("float8", "1.7976931348623157e+308", "double f = 1;", "1.7976931348623157e+308");
    check("float8", "5e-324", "double f = 1;", "5e-324");
    check("float8", "Infinity", "double f = 1;", "\"Infinity\"");
    check("float8", "-Infinity", "double f = 1;", "\"-Infinity\"");
    check("float8", "-0", "optional double f = 1;", "-0.0");
    check("float8", "0", "double f = 1;", "");
    check("float8", "0", "optional double f = 1;", "0.0");
    check("numeric", "0.000", "string f = 1;", "\"0.000\"");
    check("numeric", "-10000.5000", "string f = 1;", "\"-10000.5000\"");
    check(
        "numeric",
        "99999999999999999999999999999999999999.99",
        "string f = 1;",
        "\"99999999999999999999999999999999999999.99\"",
    );
    check("numeric", "NaN", "string f = 1;", "\"NaN\"");
    check("numeric", "-Infinity", "string f = 1;", "\"-Infinity\"");
    check("numeric", "12.5", "double f = 1;", "12.5");
    check("numeric", "Infinity", "double f = 1;", "\"Infinity\"");
    reads("numeric", "0.00", "double f = 1;", "");
    cannot("numeric", "1e400", "double f = 1;", "f is larger than a double can be; make the field a string");
}

#[test]
fn text() {
    for text in
        ["a", " padded ", "é", "漢字", "𝄞", "\u{10FFFF}", "\u{E000}", "\u{1}\n\t\"\\", "🏳\u{FE0F}\u{200D}🌈"]
    {
        let json = serde_json::to_string(text).unwrap();
        for name in ["text", "varchar", "bpchar", "citext", "name", "xml", "ltree"] {
            check(name, text, "string f = 1;", &json);
        }
    }
    check("text", &"x".repeat(127), "string f = 1;", &format!("\"{}\"", "x".repeat(127)));
    check("text", &"x".repeat(70_000), "string f = 1;", &format!("\"{}\"", "x".repeat(70_000)));
    check("text", "", "string f = 1;", "");
    check("text", "", "optional string f = 1;", "\"\"");
    check(
        "uuid",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "string f = 1;",
        "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"",
    );
    check("uuid", "00000000-0000-0000-0000-000000000000", "bytes f = 1;", "\"AAAAAAAAAAAAAAAAAAAAAA==\"");
    check("inet", "2001:db8::1/64", "string f = 1;", "\"2001:db8::1/64\"");
    check("inet", "1.2.3.4", "string f = 1;", "\"1.2.3.4\"");
    check("cidr", "10.0.0.0/8", "string f = 1;", "\"10.0.0.0/8\"");
    check("macaddr", "08:00:2b:01:02:03", "string f = 1;", "\"08:00:2b:01:02:03\"");
    check("bytea", "\\x", "bytes f = 1;", "");
    check("bytea", "\\x", "optional bytes f = 1;", "\"\"");
    check("bytea", "\\x00", "bytes f = 1;", "\"AA==\"");
    check("bytea", "\\x00ff", "string f = 1;", "\"\\\\x00ff\"");
    check("money", "$1.00", "string f = 1;", "\"$1.00\"");
    check("tsvector", "'a':1", "string f = 1;", "\"'a':1\"");
}

#[test]
fn enums() {
    check("s.mood", "sad", "Mood f = 1;", "\"MOOD_SAD\"");
    check("s.mood", "so so", "Mood f = 1;", "\"SO_SO\"");
    check("s.mood", "very-happy", "Mood f = 1;", "\"MOOD_VERY_HAPPY\"");
    check("s.mood", "Ünïcode", "Mood f = 1;", "\"MOOD_FOREIGN\"");
    check("s.mood", "", "Mood f = 1;", "\"MOOD_EMPTY\"");
    check("s.mood", "so so", "string f = 1;", "\"so so\"");
    reads("s.mood", "so so", "SadOnly f = 1;", "");
    reads("s.mood", "so so", "optional SadOnly f = 1;", "\"SAD_ONLY_UNSPECIFIED\"");
    check("s.mood[]", "{sad,\"so so\"}", "repeated Mood f = 1;", "[\"MOOD_SAD\",\"SO_SO\"]");
    check("int4", "3", "Mood f = 1;", "\"MOOD_VERY_HAPPY\"");
    check("int2", "-7", "Mood f = 1;", "-7");
    cannot(
        "int8",
        "2147483648",
        "Mood f = 1;",
        "f 2147483648 is no number of an enum, which has 32 bits; make the field an int64",
    );
}

#[test]
fn times() {
    let timestamp = "google.protobuf.Timestamp f = 1;";
    for name in ["timestamptz", "timestamp"] {
        check(name, "1970-01-01T00:00:00Z", timestamp, "\"1970-01-01T00:00:00Z\"");
        check(name, "2000-01-01T00:00:00Z", timestamp, "\"2000-01-01T00:00:00Z\"");
        check(name, "0001-01-01T00:00:00Z", timestamp, "\"0001-01-01T00:00:00Z\"");
        check(name, "9999-12-31T23:59:59.999999Z", timestamp, "\"9999-12-31T23:59:59.999999Z\"");
        check(name, "1969-12-31T23:59:59.5Z", timestamp, "\"1969-12-31T23:59:59.500Z\"");
        for (literal, shown) in [
            ("infinity", "infinity"),
            ("-infinity", "-infinity"),
            ("10000-01-01T00:00:00Z", "10000-01-01 00:00:00"),
            ("0044-03-15T12:00:00Z BC", "0044-03-15 12:00:00 BC"),
        ] {
            let why = "is no google.protobuf.Timestamp, which goes from year 1 to year 9999; leave the field out of the mask, or make it a string";
            cannot(name, literal, timestamp, &format!("f {shown} {why}"));
        }
    }
    check("timestamptz", "0044-03-15 12:00:00+00 BC", "string f = 1;", "\"0044-03-15 12:00:00+00 BC\"");
    check("timestamptz", "infinity", "string f = 1;", "\"infinity\"");
    check("date", "2024-02-29", "google.type.Date f = 1;", r#"{"year":2024,"month":2,"day":29}"#);
    check("date", "0001-01-01", "google.type.Date f = 1;", r#"{"year":1,"month":1,"day":1}"#);
    check("date", "9999-12-31", "google.type.Date f = 1;", r#"{"year":9999,"month":12,"day":31}"#);
    check("date", "0044-03-15 BC", "string f = 1;", "\"0044-03-15 BC\"");
    for (literal, shown) in
        [("infinity", "infinity"), ("0001-12-31 BC", "0001-12-31 BC"), ("5874897-12-31", "5874897-12-31")]
    {
        let why = "is no google.type.Date, which goes from year 1 to year 9999; leave the field out of the mask, or make it a string";
        cannot("date", literal, "google.type.Date f = 1;", &format!("f {shown} {why}"));
    }
    check("time", "24:00", "google.type.TimeOfDay f = 1;", r#"{"hours":24}"#);
    check("time", "00:00", "google.type.TimeOfDay f = 1;", "{}");
    check(
        "time",
        "23:59:59.999999",
        "google.type.TimeOfDay f = 1;",
        r#"{"hours":23,"minutes":59,"seconds":59,"nanos":999999000}"#,
    );
    check("time", "24:00", "string f = 1;", "\"24:00:00\"");
}

#[test]
fn spans() {
    let duration = "google.protobuf.Duration f = 1;";
    check("interval", "90s", duration, "\"90s\"");
    check("interval", "-1.5s", duration, "\"-1.500s\"");
    check("interval", "0s", duration, "\"0s\"");
    reads("interval", "1 day", duration, "\"86400s\"");
    reads("interval", "1 day -00:00:01", duration, "\"86399s\"");
    check("interval", "1 mon", "string f = 1;", "\"1 mon\"");
    cannot(
        "interval",
        "1 mon",
        duration,
        "f 1 mon is no google.protobuf.Duration: a month has no fixed length; leave the field out of the mask, or make it a string",
    );
    reads("interval", "3652500 days", duration, "\"315576000000s\"");
    cannot(
        "interval",
        "3652500 days 00:00:01",
        duration,
        "f 315576000001 seconds are no google.protobuf.Duration, which ends at 10,000 years; leave the field out of the mask, or make it a string",
    );
    for (unit, expected) in [
        ("NANOSECONDS", "\"0.000001500s\""),
        ("MICROSECONDS", "\"0.001500s\""),
        ("MILLISECONDS", "\"1.500s\""),
        ("SECONDS", "\"1500s\""),
        ("MINUTES", "\"90000s\""),
        ("HOURS", "\"5400000s\""),
        ("DAYS", "\"129600000s\""),
    ] {
        let declaration = format!("google.protobuf.Duration f = 1 [(rowcall.v1.column).unit = {unit}];");
        for name in ["int2", "int4", "int8"] {
            check(name, "1500", &declaration, expected);
        }
    }
    cannot(
        "int8",
        "9223372036854775807",
        "google.protobuf.Duration f = 1 [(rowcall.v1.column).unit = SECONDS];",
        "f 9223372036854775807 seconds are no google.protobuf.Duration, which ends at 10,000 years; leave the field out of the mask, or make it a string",
    );
}

#[test]
fn json() {
    let (of_struct, value) = ("google.protobuf.Struct f = 1;", "google.protobuf.Value f = 1;");
    let list = "google.protobuf.ListValue f = 1;";
    for name in ["json", "jsonb"] {
        check(
            name,
            r#"{"a":1.0,"b":[true,null,"x"]}"#.replace("1.0", "1.5").as_str(),
            of_struct,
            r#"{"a":1.5,"b":[true,null,"x"]}"#,
        );
        check(name, "{}", of_struct, "{}");
        check(name, "[]", list, "[]");
        reads(name, " null ", of_struct, "");
        reads(name, "null", list, "");
        check(name, r#"[[[]],{},""]"#, list, r#"[[[]],{},""]"#);
        check(name, "null", value, "null");
        check(name, "false", value, "false");
        check(name, r#""""#, value, r#""""#);
        reads(name, " -1.5e3 ", value, "-1500.0");
        reads(name, "0", value, "0.0");
        reads(name, r#""\u00e9\ud834\udd1e\n\/\"\\\b\f\r\t""#, value, "\"é𝄞\\n/\\\"\\\\\\b\\f\\r\\t\"");
        reads(name, " [ 1 , { \"k\" : [ ] } ] ", value, "[1.0,{\"k\":[]}]");
        check(name, r#"{"a":1}"#, "string f = 1;", r#""{\"a\":1}""#);
        reads(
            name,
            r#"{"theme":"dark","font_size":3,"zoom":[1,2.5],"unknown":{"x":1}}"#,
            "Settings f = 1;",
            r#"{"theme":"dark","fontSize":3,"zoom":[1.0,2.5]}"#,
        );
        reads(
            name,
            r#"{"inner":{"fontSize":"7","extra":[1,"a",null]}}"#,
            "Settings f = 1;",
            r#"{"inner":{"fontSize":7,"extra":[1.0,"a",null]}}"#,
        );
        reads(name, "null", "Settings f = 1;", "");
        check(name, r#"{"a":"1"}"#, "map<string, string> f = 1;", r#"{"a":"1"}"#);
        check(name, r#"{"a":3}"#, "map<string, int32> f = 1;", r#"{"a":3}"#);
        check(name, "{}", "map<string, string> f = 1;", "");
        check(
            name,
            r#"{"a":{"x":[null]}}"#,
            "map<string, google.protobuf.Value> some_name = 2; map<string, google.protobuf.Value> f = 1;",
            r#"{"a":{"x":[null]}}"#,
        );
        check(name, r#"{"a":{"theme":"x"}}"#, "map<string, Settings> f = 1;", r#"{"a":{"theme":"x"}}"#);
        cannot(
            name,
            "[1]",
            of_struct,
            "f is JSON but not an object, as google.protobuf.Struct wants: make the field a google.protobuf.Value",
        );
        cannot(
            name,
            "{}",
            list,
            "f is JSON but not an array, as google.protobuf.ListValue wants: make the field a google.protobuf.Value",
        );
        cannot(
            name,
            r#"[{"a":1e999}]"#,
            value,
            "f has a number larger than a double can be: make the field a string",
        );
        let decodable = format!("{}{}{}", r#"{"a":"#.repeat(30), "true", "}".repeat(30));
        check(name, &decodable, of_struct, &decodable);
        let deep = format!("{}{}", "[".repeat(31), "]".repeat(31));
        cannot(name, &deep, value, "f is JSON of more than 30 levels: make the field a string");
    }
    check(
        "jsonb[]",
        r#"{"{\"a\":true}","{}"}"#,
        "repeated google.protobuf.Struct f = 1;",
        r#"[{"a":true},{}]"#,
    );
}

#[test]
fn arrays() {
    check("int4[]", "{}", "repeated int32 f = 1;", "");
    check("int4[]", "{0,1,-2147483648}", "repeated int32 f = 1;", "[0,1,-2147483648]");
    check("int4[]", "{0,1}", "repeated int32 f = 1 [packed = false];", "[0,1]");
    check("float8[]", "{0,NaN}", "repeated double f = 1;", "[0.0,\"NaN\"]");
    check("bool[]", "{t,f}", "repeated bool f = 1;", "[true,false]");
    check("text[]", r#"{"",a,"b c"}"#, "repeated string f = 1;", r#"["","a","b c"]"#);
    check("bytea[]", r#"{"\\x","\\x00"}"#, "repeated bytes f = 1;", r#"["","AA=="]"#);
    check("numeric[]", "{1.50,NaN}", "repeated string f = 1;", r#"["1.50","NaN"]"#);
    check(
        "timestamptz[]",
        r#"{"1970-01-01 00:00:00+00"}"#,
        "repeated google.protobuf.Timestamp f = 1;",
        r#"["1970-01-01T00:00:00Z"]"#,
    );
    check("int4[]", "{1,2}", "string f = 1;", "\"{1,2}\"");
    check("s.positive[]", "{1,2}", "repeated int32 f = 1;", "[1,2]");
    cannot(
        "int4[]",
        "{1,NULL}",
        "repeated int32 f = 1;",
        "f[1] is NULL, which a repeated field cannot hold; make the field a string",
    );
    cannot(
        "date[]",
        "{2020-01-01,infinity}",
        "repeated google.type.Date f = 1;",
        "f[1] infinity is no google.type.Date, which goes from year 1 to year 9999; leave the field out of the mask, or make it a string",
    );
}

#[test]
fn two_dimensions_are_no_repeated_field() {
    let (_, field, fit) = chosen("int4[]", "repeated int32 f = 1;");
    let mut bytes = Vec::new();
    for n in [2i32, 0, 23, 1, 1, 1, 1, 4, 7] {
        bytes.extend(n.to_be_bytes());
    }
    let error = decoded(&fit, &field, Some(&bytes)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row: f: an array of 2 dimensions is no repeated field; make the field a string"
    );
}

#[test]
fn composites_ranges_and_maps() {
    check(
        "s.address",
        "(Main,12345,\"{a,\"\"b c\"\"}\",\"so so\",f)",
        "Address f = 1;",
        r#"{"street":"Main","zip":12345,"tags":["a","b c"],"feeling":"SO_SO","ok":false}"#,
    );
    reads("s.address", "(,,,,)", "Address f = 1;", "{}");
    reads("s.address", "(Main,1,{a},sad,t)", "Street f = 1;", r#"{"street":"Main"}"#);
    check(
        "s.address[]",
        r#"{"(Main,,{},sad,)","(\"\",0,{},sad,t)"}"#,
        "repeated Address f = 1;",
        r#"[{"street":"Main","feeling":"MOOD_SAD"},{"zip":0,"feeling":"MOOD_SAD","ok":true}]"#,
    );
    reads("s.address", "(Main,1,,,)", "string f = 1;", "\"(Main,1,,,)\"");
    check("int4range", "[1,5)", "Int4Range f = 1;", r#"{"lower":1,"upper":5,"lowerInclusive":true}"#);
    check("int4range", "(,)", "Int4Range f = 1;", "{}");
    check("int4range", "[0,)", "Int4Range f = 1;", r#"{"lower":0,"lowerInclusive":true}"#);
    check("int4range", "empty", "Int4Range f = 1;", r#"{"empty":true}"#);
    check("int4range", "empty", "string f = 1;", "\"empty\"");
    check(
        "numrange",
        "(1.50,NaN]",
        "NumRange f = 1;",
        r#"{"lower":"1.50","upper":"NaN","upperInclusive":true}"#,
    );
    check(
        "tstzrange",
        "[\"2020-01-01 00:00:00+00\",)",
        "TimeRange f = 1;",
        r#"{"lower":"2020-01-01T00:00:00Z","lowerInclusive":true}"#,
    );
    cannot(
        "tstzrange",
        "[-infinity,)",
        "TimeRange f = 1;",
        "f.lower -infinity is no google.protobuf.Timestamp, which goes from year 1 to year 9999; leave the field out of the mask, or make it a string",
    );
    check(
        "int4multirange",
        "{[1,5),[7,)}",
        "repeated Int4Range f = 1;",
        r#"[{"lower":1,"upper":5,"lowerInclusive":true},{"lower":7,"lowerInclusive":true}]"#,
    );
    check("int4multirange", "{}", "repeated Int4Range f = 1;", "");
    check("int4multirange", "{}", "Int4Ranges f = 1;", "{}");
    check(
        "int4multirange",
        "{[1,5)}",
        "Int4Ranges f = 1;",
        r#"{"ranges":[{"lower":1,"upper":5,"lowerInclusive":true}]}"#,
    );
    check("int4multirange", "{[1,5)}", "repeated string f = 1;", r#"["[1,5)"]"#);
    check("hstore", r#""a"=>"1""#, "map<string, string> f = 1;", r#"{"a":"1"}"#);
    check("hstore", r#"""=>"""#, "map<string, string> f = 1;", r#"{"":""}"#);
    check("hstore", "", "map<string, string> f = 1;", "");
    cannot(
        "hstore",
        r#""a"=>NULL"#,
        "map<string, string> f = 1;",
        "f the value of \"a\" is NULL, which a map cannot hold; make the field a string",
    );
}

#[test]
fn null_is_absent() {
    for (name, declaration) in [
        ("int4", "int32 f = 1;"),
        ("int4", "optional int32 f = 1;"),
        ("timestamptz", "google.protobuf.Timestamp f = 1;"),
        ("int4[]", "repeated int32 f = 1;"),
        ("jsonb", "google.protobuf.Value f = 1;"),
        ("hstore", "map<string, string> f = 1;"),
        ("s.address", "Address f = 1;"),
    ] {
        let (_, field, fit) = chosen(name, declaration);
        assert_eq!(decoded(&fit, &field, None).unwrap().1, "{}", "{name}");
    }
}

#[test]
fn text_of_a_database_without_an_encoding_is_checked() {
    let mut catalog = catalog();
    catalog.server.encoding = "SQL_ASCII".into();
    let field = declare("string f = 1;");
    let fit = FieldCodec::choose(&catalog, 25, -1, &field, &contract::column(&field)).unwrap();
    let error = decoded(&fit, &field, Some(b"\xff")).unwrap_err();
    assert_eq!(error.to_string(), "row: f: is not UTF-8, which a string must be; make the column bytea");
    assert_eq!(decoded(&fit, &field, Some("é".as_bytes())).unwrap().1, "{\"f\":\"é\"}");
    let field = declare("google.protobuf.Value f = 1;");
    let fit = FieldCodec::choose(&catalog, 114, -1, &field, &contract::column(&field)).unwrap();
    let error = decoded(&fit, &field, Some(b"\"\xff\"")).unwrap_err();
    assert!(matches!(error, Error::Unrepresentable { .. }), "{error}");
}
