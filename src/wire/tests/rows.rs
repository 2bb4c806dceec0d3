//! Rows with names and relations, pages of them, and their frames.

use std::io::Read as _;
use std::sync::Arc;

use prost_reflect::MessageDescriptor;

use super::*;
use crate::plan::Projection;
use crate::plan::projection::{NamePart, Related, Written, WrittenName, WrittenValue};
use crate::wire::{Children, Columns, Encoding, Level, Limits, Page, Payload, Pushed, message};

const CONTRACT: &str = "string name = 1; string f = 2; google.protobuf.Duration length = 3; \
    repeated M children = 4; M parent = 5; repeated M rows = 6; string next_page_token = 7; int32 total = 8;";

/// Key, text, milliseconds.
struct Row([Option<Vec<u8>>; 3]);

impl Columns for Row {
    fn get(&self, column: usize) -> Option<&[u8]> {
        self.0[column].as_deref()
    }
}

fn row(key: &str, text: Option<&str>, millis: i64) -> Row {
    Row([Some(key.into()), text.map(Into::into), Some(millis.to_be_bytes().to_vec())])
}

fn level(rows: Vec<Row>, children: Vec<Children<Row>>) -> Level<Row> {
    Level { rows, children }
}

fn descriptor() -> MessageDescriptor {
    declare(CONTRACT).parent_message().clone()
}

fn column(type_name: &str, at: usize, declaration: &str, number: u32, name: &str) -> Written {
    let (_, _, fit) = chosen(type_name, declaration);
    Written { name: name.into(), number, value: WrittenValue::Column { at, codec: Arc::new(fit.codec) } }
}

fn projection(relations: Vec<(u32, &str, Projection)>) -> Projection {
    let text = ValueType::of(&CATALOG, 25);
    let parts = vec![NamePart::Literal("rows/".into()), NamePart::Column { at: 0, value: text.clone() }];
    let name = Arc::new(WrittenName { parts });
    let mut fields = vec![
        Written { name: "name".into(), number: 1, value: WrittenValue::Name(name.clone()) },
        column("text", 1, "string f = 2;", 2, "f"),
        column(
            "int8",
            2,
            "google.protobuf.Duration f = 3 [(rowcall.v1.column).unit = SECONDS];",
            3,
            "length",
        ),
    ];
    let mut related = Vec::new();
    for (at, (number, name, projection)) in relations.into_iter().enumerate() {
        fields.push(Written { name: name.into(), number, value: WrittenValue::Relation(at) });
        related.push(Related { relation: at, near: vec![0], projection, path: name.into() });
    }
    Projection {
        resource: 0,
        outputs: Vec::new(),
        fields,
        relations: related,
        key: vec![(0, text)],
        row_name: Some(name),
    }
}

const LIMITS: Limits = Limits { page_bytes_max: 1_000_000, message_bytes_max: 4_000_000 };

fn json(payload: &Payload) -> String {
    serde_json::to_string(&DynamicMessage::decode(descriptor(), payload.message()).unwrap()).unwrap()
}

#[test]
fn a_row_is_named_whether_or_not_the_mask_asks_for_its_name() {
    let mut plan = projection(vec![]);
    plan.fields.remove(0);
    let level = level(vec![row("1", Some(&"x".repeat(2000)), 0)], vec![]);
    let Err(Error::RowTooLarge { row, .. }) = message(&plan, &level, 0, 1000) else { panic!() };
    assert_eq!(row, "rows/1");
}

#[test]
fn relations_are_nested_where_they_belong() {
    let of_child = projection(vec![(5, "parent", projection(vec![]))]);
    let plan = projection(vec![(4, "children", of_child)]);
    let grandparents = Children { level: level(vec![row("g", None, 0)], vec![]), of: vec![0..0, 0..1, 0..0] };
    let children = vec![row("c1", None, 1), row("c2", Some("x"), 2), row("c3", None, 3)];
    let children = Children { level: level(children, vec![grandparents]), of: vec![0..2, 2..2, 2..3] };
    let rows = vec![row("1", None, 0), row("2", None, 0), row("3", Some(&"y".repeat(200)), 0)];
    let level = level(rows, vec![children]);
    assert_eq!(
        json(&message(&plan, &level, 0, 1000).unwrap()),
        r#"{"name":"rows/1","length":"0s","children":[{"name":"rows/c1","length":"1s"},{"name":"rows/c2","f":"x","length":"2s","parent":{"name":"rows/g","length":"0s"}}]}"#
    );
    assert_eq!(json(&message(&plan, &level, 1, 1000).unwrap()), r#"{"name":"rows/2","length":"0s"}"#);
    assert!(
        json(&message(&plan, &level, 2, 1000).unwrap())
            .contains(r#""children":[{"name":"rows/c3","length":"3s"}]"#)
    );
}

#[test]
fn names_are_percent_encoded_and_absent_when_incomplete() {
    let plan = projection(vec![]);
    for (key, name) in
        [("a b/ü%~", "rows/a%20b%2F%C3%BC%25~"), ("A-Z_0.9", "rows/A-Z_0.9"), ("𝄞", "rows/%F0%9D%84%9E")]
    {
        let level = level(vec![row(key, None, 1)], vec![]);
        let expected = format!("{{\"name\":\"{name}\",\"length\":\"1s\"}}");
        assert_eq!(json(&message(&plan, &level, 0, 1000).unwrap()), expected);
    }
    let empty = row("", None, 1);
    let null = Row([None, None, Some(1i64.to_be_bytes().to_vec())]);
    for row in [empty, null] {
        let level = level(vec![row], vec![]);
        assert_eq!(json(&message(&plan, &level, 0, 1000).unwrap()), r#"{"length":"1s"}"#);
    }
}

#[test]
fn an_error_names_row_and_path() {
    let plan = projection(vec![(4, "children", projection(vec![]))]);
    let children = vec![row("c1", None, 1), row("c2", None, i64::MAX)];
    let children = Children { level: level(children, vec![]), of: std::iter::once(0..2).collect() };
    let level = level(vec![row("a b", None, 0)], vec![children]);
    let Err(Error::Unrepresentable { row, field, .. }) = message(&plan, &level, 0, 1000) else { panic!() };
    assert_eq!((row.as_str(), field.as_str()), ("rows/a%20b", "children[1].f"));
}

#[test]
fn a_row_that_no_message_holds_is_refused_by_name() {
    let plan = projection(vec![]);
    let level = level(vec![row("1", Some(&"x".repeat(2000)), 0)], vec![]);
    let error = message(&plan, &level, 0, 1000).unwrap_err();
    assert_eq!(error, Error::RowTooLarge { row: "rows/1".into(), bytes: 2013, bytes_max: 1000 });
    let mut page = Page::new(6, Limits { page_bytes_max: 500, message_bytes_max: 1000 });
    let Err(Error::RowTooLarge { row, .. }) = page.push(&plan, &level, 0) else { panic!() };
    assert_eq!((row.as_str(), page.rows(), page.bytes()), ("rows/1", 0, 0));
}

#[test]
fn a_page_ends_before_its_limit_but_not_before_its_first_row() {
    let plan = projection(vec![]);
    let rows = (0..10).map(|n| row(&n.to_string(), Some(&"x".repeat(300)), 0)).collect();
    let level = level(rows, vec![]);
    let mut page = Page::new(6, Limits { page_bytes_max: 1000, message_bytes_max: 4000 });
    let taken = (0..10).take_while(|at| page.push(&plan, &level, *at).unwrap() == Pushed::Taken).count();
    assert_eq!((taken, page.rows()), (3, 3));
    assert!(page.bytes() <= 1000);
    page.string_field(7, "token");
    page.int_field(8, -3);
    let payload = page.finish();
    let decoded = DynamicMessage::decode(descriptor(), payload.message()).unwrap();
    assert_eq!(decoded.get_field_by_name("rows").unwrap().as_list().unwrap().len(), 3);
    assert_eq!(decoded.get_field_by_name("next_page_token").unwrap().as_str(), Some("token"));
    assert_eq!(decoded.get_field_by_name("total").unwrap().as_i32(), Some(-3));

    let mut page = Page::new(6, Limits { page_bytes_max: 10, message_bytes_max: 4000 });
    assert_eq!(page.push(&plan, &level, 0), Ok(Pushed::Taken));
    assert_eq!(page.push(&plan, &level, 1), Ok(Pushed::Full));
}

#[test]
fn a_page_is_as_before_after_an_error() {
    let plan = projection(vec![]);
    let level = level(vec![row("1", None, 1), row("2", None, i64::MAX)], vec![]);
    let mut page = Page::new(6, LIMITS);
    page.push(&plan, &level, 0).unwrap();
    let before = page.bytes();
    assert!(page.push(&plan, &level, 1).is_err());
    assert_eq!(page.bytes(), before);
    assert_eq!(json(&page.finish()), r#"{"rows":[{"name":"rows/1","length":"1s"}]}"#);
}

#[test]
fn frames_hold_the_message_plain_and_compressed() {
    let plan = projection(vec![]);
    let level = level(vec![row("1", Some(&"abc".repeat(1000)), 1)], vec![]);
    let payload = message(&plan, &level, 0, 10_000).unwrap();
    let (frame, body) = (payload.frame(), payload.message());
    assert_eq!(frame[0], 0);
    assert_eq!(u32::from_be_bytes(frame[1..5].try_into().unwrap()) as usize, body.len());
    assert_eq!(frame[5..], body[..]);
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let frame = payload.compress(encoding).unwrap();
        assert_eq!(frame[0], 1);
        assert_eq!(u32::from_be_bytes(frame[1..5].try_into().unwrap()) as usize, frame.len() - 5);
        assert!(frame.len() < body.len() / 10);
        let mut plain = Vec::new();
        match encoding {
            Encoding::Gzip => flate2::read::GzDecoder::new(&frame[5..]).read_to_end(&mut plain).unwrap(),
            Encoding::Zstd => {
                zstd::stream::read::Decoder::new(&frame[5..]).unwrap().read_to_end(&mut plain).unwrap()
            }
        };
        assert_eq!(plain, body);
    }
}
