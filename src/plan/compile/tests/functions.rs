//! Functions and files of SQL behind methods.

use super::said;
use crate::plan::fixture::Database;
use crate::plan::method::{Function, Kind};

fn contract(option: &str, request: &str, response: &str) -> String {
    format!(
        r#"service Shop {{ rpc Top(TopRequest) returns (TopResponse) {{ option (rowcall.v1.method) = {{ {option} }}; }} }}
        message TopRequest {{ {request} }}
        message TopResponse {{ repeated Row rows = 1; }}
        message Row {{ {response} }}"#
    )
}

const ROUTINE: &str = r#"routine: "top""#;
const ROW: &str = "string title = 1; string total = 2;";

fn problems(database: &Database, request: &str, row: &str) -> Vec<String> {
    said(&database.compile(&contract(ROUTINE, request, row)).1.problems)
}

fn with<T>(database: &Database, request: &str, look: impl FnOnce(&Function) -> T) -> T {
    let (plans, report) = database.compile(&contract(ROUTINE, request, ROW));
    assert_eq!(said(&report.problems), Vec::<String>::new());
    let Kind::Function(function) = &plans.methods["/shop.v1.Shop/Top"].kind else { panic!() };
    look(function)
}

fn top(arguments: &str) -> Database {
    Database::new().function("top", arguments, "title text, total numeric")
}

#[test]
fn request_fields_are_arguments_by_name() {
    with(&top("country text, most int4 default"), "string country = 1;", |function| {
        let arguments: Vec<_> =
            function.arguments.iter().map(|a| (a.name.as_str(), a.field.is_some(), a.optional)).collect();
        assert_eq!(arguments, [("country", true, false), ("most", false, true)]);
        let columns: Vec<&str> = function.row.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(columns, ["title", "total"]);
    });
}

#[test]
fn a_missing_function_is_told_with_the_nearest() {
    let database = Database::new().function("tops", "", "title text");
    assert_eq!(
        problems(&database, "", ROW),
        [
            r#"Top: no function "top" in the search path (public); did you mean "tops"?: create it, or correct (rowcall.v1.method).routine"#
        ]
    );
}

#[test]
fn of_several_functions_the_one_that_takes_the_request_is_called() {
    let database = top("country text").function("top", "year int4", "title text, total numeric");
    let chosen = with(&database, "int32 year = 1;", |function| function.arguments[0].name.clone());
    assert_eq!(chosen, "year");
    assert_eq!(
        problems(&database, "int32 month = 1;", ROW),
        [
            r#"Top: 2 functions are called "top" and not exactly one takes the request's fields: give that one a name of its own"#
        ]
    );
}

#[test]
fn arguments_and_fields_agree() {
    for (arguments, request, expected) in [
        (
            "_ text",
            "string country = 1;",
            r#"Top: argument 1 of function "top" has no name: name it, for request fields are its arguments by name"#,
        ),
        ("country text", "", r#"Top: argument "country" of function "top" has no request field: add one"#),
        (
            "country text default",
            "string contry = 1;",
            r#"Top: request field "contry" is no argument of function "top"; did you mean "country"?: remove it, or add the argument"#,
        ),
        ("year text", "int32 year = 1;", r#"Top: argument "year" is text, field is int32: use string"#),
    ] {
        assert_eq!(problems(&top(arguments), request, ROW), [expected]);
    }
}

#[test]
fn a_function_that_may_not_be_called_is_told() {
    let mut database = top("");
    database.catalog.functions[0].executable = false;
    assert_eq!(problems(&database, "", ROW), [r#"Top: the role may not EXECUTE function "top": GRANT it"#]);
}

#[test]
fn every_field_of_the_row_has_a_column() {
    assert_eq!(
        problems(&top(""), "", "string title = 1; string totl = 2;"),
        [
            r#"Top: the result has no column "totl" for field "totl"; did you mean "total"?: return it, or name another by (rowcall.v1.column).name"#
        ]
    );
    assert_eq!(
        problems(&top(""), "", "int64 title = 1;"),
        [r#"Top: result column "title" is text, field is int64: use string"#]
    );
    let named = r#"string sum = 1 [(rowcall.v1.column) = { name: "total" }];"#;
    assert_eq!(problems(&top(""), "", named), Vec::<String>::new());
}

#[test]
fn a_scalar_goes_to_the_only_field() {
    let database = Database::new().function("top", "", "text");
    assert_eq!(problems(&database, "", "string anything = 1;"), Vec::<String>::new());
}

#[test]
fn a_query_is_described_by_the_database() {
    let text = ("top.sql", "SELECT :country");
    let contract = contract(r#"query: "top.sql""#, "string country = 1;", ROW);
    let (_, report) = Database::new().compile_with(&contract, &[text]);
    assert_eq!(said(&report.problems), [r#"Top: query "top.sql" was not described"#]);
    let database = Database::new().query("top.sql", "country text", "title text, total numeric");
    let (plans, report) = database.compile_with(&contract, &[text]);
    assert_eq!(said(&report.problems), Vec::<String>::new());
    assert!(matches!(plans.methods["/shop.v1.Shop/Top"].kind, Kind::Function(_)));
    let mut database = Database::new();
    database.catalog.queries.insert("top.sql".into(), Err("line 1: no such table".into()));
    let (_, report) = database.compile_with(&contract, &[text]);
    assert_eq!(said(&report.problems), [r#"Top: query "top.sql": line 1: no such table"#]);
}
