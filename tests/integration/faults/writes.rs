//! A function that writes, where calls only read: its author learns of it, and no caller retries.

use serde_json::json;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::errors_shop::{CONTRACT, TABLES, written};
use crate::support::{Client, EMPTY, Served, database, rowcall};

const WRITER: &str = "CREATE FUNCTION note(n int) RETURNS int LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO code VALUES (n::text); RETURN n; END$$";

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_writes_is_unfit_and_told_in_the_log_and_by_check() {
    let database = database(EMPTY).await;
    database.execute(TABLES).await;
    database.execute(WRITER).await;
    let method = "rpc Note(DivideRequest) returns (Number) { option (rowcall.v1.method) = { routine: \"note\" }; }\n  rpc Raise(";
    let contract = written(&CONTRACT.replace("rpc Raise(", method));
    let path = contract.path().to_str().expect("UTF-8").to_owned();
    let arguments = [path.clone(), database.url.clone()];
    let start = move || Served::start(&["--contract", &arguments[0], "--database", &arguments[1]]);
    let served = tokio::task::spawn_blocking(start).await.expect("it starts");
    let client =
        Client::connect(contract.path().to_owned(), served.address.parse().expect("an address")).await;
    let failure = client.call("Note", json!({"n": 1})).await.expect_err("it writes");
    assert_eq!((failure.code, failure.reason.as_str()), (Code::FailedPrecondition, "RESOURCE_UNFIT"));
    assert!(failure.status.get_details_retry_info().is_none());
    assert!(served.log().contains("SQLSTATE 25006: cannot execute INSERT"), "{}", served.log());
    // The connection is as good as before, and so is the database.
    client.call("GetThing", json!({"name": "things/1"})).await.expect("it serves");

    let checked = rowcall().args(["check", "--contract", &path, "--database", &database.url]).output();
    let said = String::from_utf8(checked.expect("rowcall starts").stdout).expect("UTF-8");
    assert!(said.contains("Note: function \"note\" is VOLATILE"), "{said}");
}
