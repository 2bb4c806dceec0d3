//! What fits, what does not, and what is lost.

use super::FieldCodec;
use super::fixture::field;
use crate::contract;
use crate::plan::resource::Read;
use crate::plan::value::fixture::{catalog, oid};

fn choose(type_name: &str, declaration: &str) -> Result<super::Fit, super::Misfit> {
    let catalog = catalog();
    let field = field(declaration);
    FieldCodec::choose(&catalog, oid(&catalog, type_name), -1, &field, &contract::column(&field))
}

#[track_caller]
fn misfit(type_name: &str, declaration: &str, expected: &str) {
    assert_eq!(choose(type_name, declaration).expect_err(declaration).text, expected);
}

#[test]
fn misfits_say_what_to_do() {
    misfit("varchar", "int64 f = 1;", "is varchar, field is int64: use string");
    misfit("int8", "int32 f = 1;", "is int8, field is int32: use int64");
    misfit("int4", "uint32 f = 1;", "is int4, field is uint32: use int32");
    misfit("oid", "int32 f = 1;", "is oid, field is int32: use uint32");
    misfit("float8", "float f = 1;", "is float8, field is float: use double");
    misfit("numeric", "int64 f = 1;", "is numeric, field is int64: use string");
    misfit("text", "bytes f = 1;", "is text, field is bytes: use string");
    misfit("text", "Mood f = 1;", "is text, field is test.v1.Mood: use string");
    misfit("s.mood", "int32 f = 1;", "is mood, field is int32: use string or an enum");
    misfit("int4", "repeated int32 f = 1;", "is int4, field is repeated int32: use int32");
    misfit("int4[]", "int32 f = 1;", "is int4[], field is int32: use repeated int32");
    misfit("money[]", "repeated int32 f = 1;", "is money, field is int32: use string");
    misfit(
        "timestamptz",
        "google.protobuf.Duration f = 1;",
        "is timestamptz, field is google.protobuf.Duration: use google.protobuf.Timestamp",
    );
    misfit(
        "int4",
        "google.protobuf.Duration f = 1;",
        "is int4, field is google.protobuf.Duration: say what it counts, as (rowcall.v1.column) = { unit: SECONDS }",
    );
    misfit(
        "text",
        "google.protobuf.Duration f = 1 [(rowcall.v1.column).unit = DAYS];",
        "is text, field is google.protobuf.Duration: only an integer has a unit; leave it out",
    );
    misfit(
        "int4",
        "int32 f = 1 [(rowcall.v1.column).unit = DAYS];",
        "is int4, field is int32: with a unit, use google.protobuf.Duration",
    );
    misfit(
        "text",
        "google.protobuf.StringValue f = 1;",
        "is text, field is google.protobuf.StringValue: use string",
    );
    misfit("text", "Address f = 1;", "is text, field is test.v1.Address: use string");
    misfit(
        "hstore",
        "map<string, int32> f = 1;",
        "is hstore, field is map<string, int32>: use map<string, string>",
    );
    misfit("jsonb", "map<int32, string> f = 1;", "is jsonb, field is map<int32, string>: use map<string, …>");
    misfit(
        "s.address",
        "Elsewhere f = 1;",
        "has no attribute for Elsewhere.town: it has street, zip code, tags, feeling, ok",
    );
    misfit(
        "s.address",
        "Wrong f = 1;",
        "attribute \"street\" for Wrong.street is text, field is int32: use string",
    );
    misfit(
        "int4range",
        "Address f = 1;",
        "is int4range, field is test.v1.Address: street is none of lower, upper, lower_inclusive, upper_inclusive, empty: use those",
    );
}

#[test]
fn losses_are_told() {
    let losses = |type_name, declaration| choose(type_name, declaration).unwrap().losses;
    assert_eq!(losses("s.mood", "Mood f = 1;"), Vec::<String>::new());
    assert_eq!(
        losses("s.mood", "SadOnly f = 1;"),
        [
            "label \"so so\" has no value in SadOnly: it reads as 0",
            "label \"very-happy\" has no value in SadOnly: it reads as 0",
            "label \"Ünïcode\" has no value in SadOnly: it reads as 0",
            "label \"\" has no value in SadOnly: it reads as 0",
            "GLAD stands for label \"glad\", which there is none of",
        ]
    );
    assert_eq!(
        losses("numeric", "double f = 1;"),
        ["a double keeps 15 digits of a numeric: use string for all of them"]
    );
    assert_eq!(losses("int4range", "Int4Range f = 1;"), Vec::<String>::new());
    assert_eq!(
        losses("int4range", "Bare f = 1;"),
        [
            "Bare.lower: no bound and the zero value read the same: make the field optional",
            "test.v1.Bare has no field upper: that bound is not served",
            "test.v1.Bare has no field empty: an empty range and one without bounds read the same",
        ]
    );
}

#[test]
fn a_short_numeric_fits_a_double() {
    let catalog = catalog();
    let field = field("double f = 1;");
    let numeric_10_2 = (10 << 16 | 2) + 4;
    let fit = FieldCodec::choose(&catalog, 1700, numeric_10_2, &field, &contract::column(&field)).unwrap();
    assert!(fit.losses.is_empty());
}

#[test]
fn a_null_is_lost_where_a_field_has_no_presence() {
    let loss = |declaration| choose("int4", declaration).unwrap().codec.null_loss();
    assert_eq!(
        loss("int32 f = 1;"),
        Some("which the field cannot tell from its zero value: make the field optional")
    );
    assert_eq!(loss("optional int32 f = 1;"), None);
    assert_eq!(loss("oneof either { int32 f = 1; string g = 2; }"), None);
}

#[test]
fn only_what_has_no_binary_form_is_cast() {
    let read = |type_name, declaration| choose(type_name, declaration).unwrap().read;
    assert_eq!(read("money", "string f = 1;"), Read::Text);
    assert_eq!(read("tsvector", "string f = 1;"), Read::Text);
    assert_eq!(read("int4[]", "string f = 1;"), Read::Text);
    assert_eq!(read("s.address", "string f = 1;"), Read::Text);
    assert_eq!(read("money[]", "repeated string f = 1;"), Read::Texts);
    for name in ["text", "bpchar", "inet", "numeric", "timestamptz", "uuid", "jsonb", "s.mood", "int4"] {
        assert_eq!(read(name, "string f = 1;"), Read::Binary, "{name}");
    }
}

#[test]
fn arguments_take_what_columns_give_and_any_integer() {
    let argument = |type_name: &str, declaration: &str| {
        let catalog = catalog();
        let field = field(declaration);
        super::argument(&catalog, oid(&catalog, type_name), &field, &contract::column(&field))
    };
    assert_eq!(argument("int8", "int32 f = 1;").unwrap().oid, 20);
    assert_eq!(argument("int2", "uint64 f = 1;").unwrap().oid, 21);
    assert_eq!(argument("int4[]", "repeated int32 f = 1;").unwrap().oid, 1007);
    let text = argument("int4[]", "string f = 1;").unwrap();
    assert_eq!((text.oid, text.cast.as_deref()), (25, Some(r#""pg_catalog"."_int4""#)));
    assert_eq!(argument("money[]", "repeated string f = 1;").unwrap().oid, 1009);
    let misfit = argument("int4", "string g = 2; bool f = 1;").unwrap_err();
    assert_eq!(misfit.text, "is int4, field is bool: use int32");
}
