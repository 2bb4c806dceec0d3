//! What goes wrong in a request, in the database or in a row: code, reason, domain and decoded details.

use serde_json::{Value, json};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::errors_shop::{Shop, open, shop};
use crate::support::session::until;
use crate::support::{Cluster, Failure};

/// Asserts what every error has, and gives it back.
#[track_caller]
fn failed(answer: Result<crate::support::Answer, Failure>, code: Code, reason: &str) -> Failure {
    let failure = match answer {
        Ok(answer) => panic!("{} was meant, and the answer is {}", reason, answer.json()),
        Err(failure) => failure,
    };
    said(&failure, code, reason);
    failure
}

#[track_caller]
fn said(failure: &Failure, code: Code, reason: &str) {
    assert_eq!((failure.code, failure.reason.as_str()), (code, reason), "{}", failure.message);
    let info = failure.status.get_details_error_info().expect("an ErrorInfo");
    assert_eq!(info.domain, "rowcall.dev");
    let whole = format!("{} {:?}", failure.message, failure.status.get_error_details());
    for leak in ["SECRET", "ERROR:", "relation \"", "column \"", "SQLSTATE", "pg_", "shop.thing"] {
        assert!(!whole.contains(leak), "{leak} in {whole}");
    }
}

/// A refused request: the reason, and each field with what is wrong with it.
async fn refused(shop: &Shop, method: &str, request: Value, reason: &str, fields: &[(&str, &str)]) {
    refused_with(shop, method, request, &[], reason, fields).await;
}

async fn refused_with(
    shop: &Shop,
    method: &str,
    request: Value,
    metadata: &[(&'static str, &str)],
    reason: &str,
    fields: &[(&str, &str)],
) {
    let answer = shop.client.call_with(method, request, metadata).await;
    let failure = failed(answer, Code::InvalidArgument, reason);
    let violations: Vec<_> = failure.violations.iter().map(|(f, d)| (f.as_str(), d.as_str())).collect();
    assert_eq!(violations, fields, "{}", failure.message);
    for (field, description) in fields {
        assert!(failure.message.contains(description), "{field}: {}", failure.message);
    }
    let bad = failure.status.get_details_bad_request().expect("a BadRequest");
    assert_eq!(bad.field_violations[0].reason, reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn masks_and_sizes_that_cannot_be_are_refused() {
    let shop = shop(&[]).await;
    let get = |mask: &str| json!({"name": "things/1", "read_mask": mask});
    let unknown = "no field \"titel\" in Thing; did you mean \"title\"?";
    refused(&shop, "GetThing", get("titel"), "MASK_INVALID", &[("read_mask", unknown)]).await;
    let inside = "\"title.x\" goes inside \"title\", which is read whole: ask for \"title\"";
    refused(&shop, "GetThing", get("title.x"), "MASK_INVALID", &[("read_mask", inside)]).await;
    let deep = "no field \"titl\" in Maker; did you mean \"title\"?";
    refused(
        &shop,
        "ListThings",
        json!({"read_mask": "maker.titl,nothing", "page_size": -1}),
        "MASK_INVALID",
        &[
            ("read_mask", deep),
            ("read_mask", "no field \"nothing\" in Thing"),
            ("page_size", "is -1: it cannot be negative"),
        ],
    )
    .await;
    let skip = json!({"skip": -3});
    refused(&shop, "ListThings", skip, "FIELD_INVALID", &[("skip", "is -3: it cannot be negative")]).await;
    let hint = [("rowcall-read-mask", "titel")];
    let by_key = [("rowcall-read-mask", unknown)];
    refused_with(&shop, "GetThing", json!({"name": "things/1"}), &hint, "MASK_INVALID", &by_key).await;
    let twice = [("rowcall-read-mask", "is given twice, in read_mask too: give it once")];
    let hint = [("rowcall-read-mask", "title")];
    refused_with(&shop, "GetThing", get("title"), &hint, "FIELD_INVALID", &twice).await;
    let failure = shop.client.stream("StreamThings", json!({"chunk_size": -1})).await.err().expect("refused");
    said(&failure, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(failure.violations, [("chunk_size".to_owned(), "is -1: it cannot be negative".to_owned())]);
    // Larger than there may be is cut down.
    let page = shop.client.call("ListThings", json!({"page_size": 5000})).await.expect("a page").json();
    assert_eq!(page["things"].as_array().expect("rows").len(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_orders_that_cannot_be_are_refused() {
    let shop = shop(&[]).await;
    let failure = failed(
        shop.client.call("ListThings", json!({"filter": "titel = \"x\""})).await,
        Code::InvalidArgument,
        "FILTER_INVALID",
    );
    assert_eq!(failure.info["position"], "1");
    assert_eq!(failure.message, "filter, column 1: no field \"titel\" in Thing; did you mean \"title\"?");
    for (order, column, text) in [
        ("titel", "1", "no field \"titel\" in Thing; did you mean \"title\"?"),
        ("title up", "7", "after \"title\" comes \"asc\", \"desc\" or a comma, not \"up\""),
        ("title, title", "8", "\"title\" is named twice"),
        ("title,", "7", "a field's name is missing"),
        ("picture", "1", "\"picture\" is not open to orders; these are: name, title"),
        ("maker", "1", "\"maker\" is another row; name one of its fields"),
    ] {
        let answer = shop.client.call("ListThings", json!({"order_by": order})).await;
        let failure = failed(answer, Code::InvalidArgument, "ORDER_INVALID");
        assert_eq!(failure.violations, [("order_by".to_owned(), text.to_owned())], "{order}");
        assert_eq!(failure.info["position"], column, "{order}");
    }
    let both = json!({"filter": "titel = 1", "order_by": "titel"});
    let failure = failed(shop.client.call("ListThings", both).await, Code::InvalidArgument, "FILTER_INVALID");
    assert_eq!(failure.violations.len(), 2, "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_cannot_be_are_refused() {
    let shop = shop(&[]).await;
    for (name, text) in [
        ("", "is empty: give a name like \"things/{thing}\""),
        ("1", "\"1\" is not of the form \"things/{thing}\""),
        ("thing/1", "\"thing/1\" is not of the form \"things/{thing}\""),
        ("things/", "{thing} is empty"),
        ("things/1/2", "\"things/1/2\" is not of the form \"things/{thing}\""),
    ] {
        refused(&shop, "GetThing", json!({"name": name}), "NAME_INVALID", &[("name", text)]).await;
    }
    for name in
        ["things/042", "things/+1", "things/ 1", "things/1.0", "things/x", "things/-", "things/99999999999"]
    {
        let answer = shop.client.call("GetThing", json!({"name": name})).await;
        let failure = failed(answer, Code::InvalidArgument, "NAME_INVALID");
        assert!(failure.violations[0].1.starts_with("{thing} "), "{name}: {}", failure.message);
    }
    let answer = shop.client.call("GetCode", json!({"name": "codes/a%20b"})).await.expect("a code");
    assert_eq!(answer.json(), json!({"name": "codes/a%20b"}));
    for (name, right) in [("codes/a b", "a%20b"), ("codes/%78", "x")] {
        let text = format!("{{code}} is not in its canonical form: write {right:?}");
        refused(&shop, "GetCode", json!({"name": name}), "NAME_INVALID", &[("name", &text)]).await;
    }
    let utf8 = "{code} does not percent-decode to UTF-8";
    refused(&shop, "GetCode", json!({"name": "codes/%ff"}), "NAME_INVALID", &[("name", utf8)]).await;
    let parent = "\"thing/1\" is not of the form \"things/{thing}\"";
    refused(&shop, "ListParts", json!({"parent": "thing/1"}), "NAME_INVALID", &[("parent", parent)]).await;
    let all = shop.client.call("ListParts", json!({"parent": "things/-"})).await.expect("all parts").json();
    assert_eq!(all["parts"].as_array().expect("rows").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_cannot_be_are_refused_and_all_missing_rows_are_named() {
    let shop = shop(&[]).await;
    let empty = [("names", "is empty: ask for at least one row")];
    refused(&shop, "BatchGetThings", json!({}), "FIELD_INVALID", &empty).await;
    let names: Vec<String> = (1..=1001).map(|n| format!("things/{n}")).collect();
    let many = [("names", "asks for 1001 rows: at most 1000 at once")];
    refused(&shop, "BatchGetThings", json!({"names": names}), "FIELD_INVALID", &many).await;
    let whole = shop.client.call("BatchGetThings", json!({"names": names[..1000]})).await.expect("the rows");
    assert_eq!(whole.json()["things"][999]["name"], "things/1000");
    let wrong = json!({"names": ["things/1", "thing/2", "things/03"]});
    let failure =
        failed(shop.client.call("BatchGetThings", wrong).await, Code::InvalidArgument, "NAME_INVALID");
    let fields: Vec<&str> = failure.violations.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["names[1]", "names[2]"]);

    let names = json!({"names": ["things/5000", "things/1", "things/6000"]});
    let failure = failed(shop.client.call("BatchGetThings", names).await, Code::NotFound, "ROW_MISSING");
    assert_eq!(failure.message, "things/5000, things/6000 do not exist");
    let failure = failed(
        shop.client.call("GetThing", json!({"name": "things/5000"})).await,
        Code::NotFound,
        "ROW_MISSING",
    );
    assert_eq!(failure.message, "things/5000 does not exist");
    let info = failure.status.get_details_resource_info().expect("a ResourceInfo");
    assert_eq!(
        (info.resource_type.as_str(), info.resource_name.as_str()),
        ("shop.example.com/Thing", "things/5000")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_and_rules_that_do_not_hold_are_refused() {
    let shop = shop(&[]).await;
    let unknown = [("rowcall-totals", "is not known; did you mean rowcall-total?")];
    let given = [("rowcall-totals", "exact")];
    refused_with(&shop, "ListThings", json!({}), &given, "FIELD_INVALID", &unknown).await;
    let maybe = [("rowcall-total", "must be exact or estimated, not \"maybe\"")];
    let given = [("rowcall-total", "maybe")];
    refused_with(&shop, "ListThings", json!({}), &given, "FIELD_INVALID", &maybe).await;
    let twice = [("rowcall-total", "is given twice; give it once")];
    let given = [("rowcall-total", "exact"), ("rowcall-total", "exact")];
    refused_with(&shop, "ListThings", json!({}), &given, "FIELD_INVALID", &twice).await;

    let request = json!({"skip": 5001, "filter": format!("title = \"{}\"", "x".repeat(40))});
    let failure =
        failed(shop.client.call("ListThings", request).await, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<&str> = failure.violations.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["filter", "skip"], "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_fail_in_their_authors_words_or_in_none() {
    let shop = shop(&[]).await;
    let raise = |state: &str| shop.client.call("Raise", json!({"state": state, "said": "sold out"}));
    for (state, code) in
        [("RC005", Code::NotFound), ("RC009", Code::FailedPrecondition), ("RC016", Code::Unauthenticated)]
    {
        let failure = failed(raise(state).await, code, "FUNCTION_RAISED");
        assert_eq!(failure.message, "sold out");
    }
    for (state, code, reason) in [
        ("40001", Code::Aborted, "TRANSACTION_CONFLICT"),
        ("40P01", Code::Aborted, "TRANSACTION_CONFLICT"),
        ("22023", Code::InvalidArgument, "VALUE_MALFORMED"),
        ("23514", Code::InvalidArgument, "VALUE_REJECTED"),
        ("23505", Code::AlreadyExists, "ROW_EXISTS"),
        ("23503", Code::FailedPrecondition, "REFERENCE_MISSING"),
        ("42501", Code::PermissionDenied, "ACCESS_DENIED"),
        ("53100", Code::ResourceExhausted, "DATABASE_BUSY"),
        ("P0001", Code::Internal, "INTERNAL"),
        ("RC017", Code::Internal, "INTERNAL"),
        ("XX000", Code::Internal, "INTERNAL"),
    ] {
        let failure = failed(raise(state).await, code, reason);
        assert!(!failure.message.contains("sold out"), "{state}: {}", failure.message);
        let retried = failure.status.get_details_retry_info().is_some();
        assert_eq!(retried, matches!(reason, "TRANSACTION_CONFLICT" | "DATABASE_BUSY"), "{state}");
        let trace = failure.info.get("trace_id").map(String::len);
        assert_eq!(trace, (reason == "INTERNAL").then_some(32), "{state}: {:?}", failure.info);
    }
    failed(shop.client.call("Divide", json!({})).await, Code::InvalidArgument, "VALUE_MALFORMED");
    shop.client.call("Divide", json!({"n": 1})).await.expect("the connection is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_larger_than_its_limit_is_said_and_not_sent() {
    let shop = shop(&[
        ("function.bytes_max", "1MiB"),
        ("limits.message_bytes_max", "512KiB"),
        ("pages.bytes_max", "400KiB"),
    ])
    .await;
    let lines = |count: u32| json!({"count": count, "width": 1000});
    let failure = failed(shop.client.call("Lines", lines(1200)).await, Code::OutOfRange, "RESULT_TOO_LARGE");
    assert_eq!(failure.info["bytes_max"], "1048576");
    failed(shop.client.call("Lines", lines(700)).await, Code::OutOfRange, "RESULT_TOO_LARGE");
    let few = shop.client.call("Lines", lines(100)).await.expect("an answer").json();
    assert_eq!(few["lines"].as_array().expect("rows").len(), 100);
    // A stream sends in several messages what one cannot hold, up to the limit of a function.
    let mut chunks = shop.client.stream("StreamLines", lines(900)).await.expect("it begins");
    let (mut count, mut messages) = (0, 0);
    while let Some(chunk) = chunks.next().await.expect("a chunk") {
        count += chunk.get_field_by_name("lines").expect("rows").as_list().expect("rows").len();
        messages += 1;
    }
    assert_eq!(count, 900);
    assert!(messages > 1);
    let failure = shop.client.stream("StreamLines", lines(1200)).await.err().expect("too large");
    said(&failure, Code::OutOfRange, "RESULT_TOO_LARGE");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_and_rows_that_no_message_holds_are_named() {
    let shop = shop(&[]).await;
    shop.database
        .execute(
            "UPDATE thing SET sold_at = 'infinity' WHERE thing_id = 7;
             ALTER TABLE thing ALTER picture SET STORAGE EXTERNAL;
             UPDATE thing SET picture = decode(repeat('ab', 5000000), 'hex') WHERE thing_id = 9;
             UPDATE thing SET picture = decode(repeat('ab', 1000000), 'hex') WHERE thing_id BETWEEN 21 AND 29",
        )
        .await;
    let get = |name: &str, mask: &str| shop.client.call("GetThing", json!({"name": name, "read_mask": mask}));
    let failure = failed(get("things/7", "").await, Code::OutOfRange, "VALUE_UNREPRESENTABLE");
    assert_eq!((failure.info["row"].as_str(), failure.info["field"].as_str()), ("things/7", "sold_at"));
    get("things/7", "name,title").await.expect("another mask is the way round");
    let request = json!({"page_size": 10, "read_mask": "soldAt"});
    let failure =
        failed(shop.client.call("ListThings", request).await, Code::OutOfRange, "VALUE_UNREPRESENTABLE");
    assert_eq!((failure.info["row"].as_str(), failure.info["field"].as_str()), ("things/7", "sold_at"));

    let failure = failed(get("things/9", "").await, Code::OutOfRange, "ROW_TOO_LARGE");
    assert_eq!((failure.info["row"].as_str(), failure.info["bytes_max"].as_str()), ("things/9", "4194304"));
    get("things/9", "name,title").await.expect("another mask is the way round");
    let request = json!({"page_size": 5, "read_mask": "picture", "filter": "title = \"thing 9\""});
    failed(shop.client.call("ListThings", request).await, Code::OutOfRange, "ROW_TOO_LARGE");

    // Nine rows of a megabyte: pages end early, have at least a row, and leave none out.
    let (mut token, mut names, mut pages) = (String::new(), Vec::new(), 0);
    loop {
        let request = json!({"filter": "title = \"thing 2*\"", "page_size": 1000, "page_token": token, "read_mask": "name,picture"});
        let answer = shop.client.call("ListThings", request).await.expect("a page").json();
        let rows = answer["things"].as_array().expect("at least a row").clone();
        assert!(!rows.is_empty());
        let bytes: usize = rows.iter().map(|row| row["picture"].as_str().map_or(0, str::len) * 3 / 4).sum();
        assert!(bytes <= 3_670_016, "{bytes}");
        names.extend(rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()));
        token = answer["next_page_token"].as_str().unwrap_or_default().to_owned();
        pages += 1;
        if token.is_empty() {
            break;
        }
    }
    let expected: Vec<String> =
        (1..=2000).filter(|n: &u32| n.to_string().starts_with('2')).map(|n| format!("things/{n}")).collect();
    assert_eq!(names, expected);
    assert!(pages >= 3, "{pages}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_pool_says_when_to_come_back() {
    let settings =
        [("postgres.connections_max", "1"), ("postgres.connections_kept", "1"), ("postgres.wait_max", "1s")];
    let shop = shop(&settings).await;
    let held = shop.database.client().await;
    held.batch_execute("BEGIN; LOCK TABLE thing").await.expect("the test's own SQL");
    let client = shop.client.clone();
    let first = tokio::spawn(async move { client.call("GetThing", json!({"name": "things/1"})).await });
    until(&shop.database, WAITS).await;
    let answer = shop.client.call("ListParts", json!({"parent": "things/1"})).await;
    let failure = failed(answer, Code::ResourceExhausted, "DATABASE_BUSY");
    let retry = failure.status.get_details_retry_info().and_then(|retry| retry.retry_delay);
    let milliseconds = retry.expect("a RetryInfo").as_millis().to_string();
    assert_eq!(failure.status.metadata().get("grpc-retry-pushback-ms").expect("told"), milliseconds.as_str());
    held.batch_execute("ROLLBACK").await.expect("the test's own SQL");
    first.await.expect("it ends").expect("the first call is answered");
}

const WAITS: &str = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() \
                     AND wait_event_type = 'Lock' AND state = 'active'";

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_there_may_be_are_turned_away() {
    let shop = shop(&[("listener.calls_max", "1")]).await;
    let held = shop.database.client().await;
    held.batch_execute("BEGIN; LOCK TABLE thing").await.expect("the test's own SQL");
    let client = shop.client.clone();
    let first = tokio::spawn(async move { client.call("GetThing", json!({"name": "things/1"})).await });
    until(&shop.database, WAITS).await;
    let answer = shop.client.call("ListParts", json!({"parent": "things/1"})).await;
    let failure = failed(answer, Code::ResourceExhausted, "OVERLOADED");
    assert_eq!(failure.info["calls_max"], "1");
    assert!(failure.status.get_details_retry_info().is_some());
    held.batch_execute("ROLLBACK").await.expect("the test's own SQL");
    first.await.expect("it ends").expect("the first call is answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_someone_else_cancels_is_said_to_be() {
    let shop = shop(&[]).await;
    let held = shop.database.client().await;
    held.batch_execute("BEGIN; LOCK TABLE thing").await.expect("the test's own SQL");
    let client = shop.client.clone();
    let call = tokio::spawn(async move { client.call("GetThing", json!({"name": "things/1"})).await });
    until(&shop.database, WAITS).await;
    let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                  AND wait_event_type = 'Lock'";
    held.batch_execute(cancel).await.expect("the test's own SQL");
    let failure = failed(call.await.expect("it ends"), Code::Aborted, "STATEMENT_CANCELLED");
    assert!(failure.status.get_details_retry_info().is_none());
    let client = shop.client.clone();
    let call = tokio::spawn(async move { client.call("GetThing", json!({"name": "things/1"})).await });
    until(&shop.database, WAITS).await;
    held.batch_execute(&cancel.replace("cancel", "terminate")).await.expect("the test's own SQL");
    let failure = failed(call.await.expect("it ends"), Code::Unavailable, "DATABASE_UNREACHABLE");
    assert!(failure.status.get_details_retry_info().is_some());
    held.batch_execute("ROLLBACK").await.expect("the test's own SQL");
    shop.client.call("GetThing", json!({"name": "things/1"})).await.expect("another connection serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_role_may_no_longer_read_is_denied() {
    let mut database = crate::support::database(crate::support::EMPTY).await;
    database.execute(crate::errors_shop::TABLES).await;
    let role = format!("errors_{}", database.name);
    database
        .execute(&format!("CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"))
        .await;
    let owner = database.client().await;
    database.url = database.url.replace("postgres@", &format!("{role}@"));
    let shop = open(database, &[]).await;
    let get = || shop.client.call("GetThing", json!({"name": "things/1"}));
    get().await.expect("it may");
    owner.batch_execute(&format!("REVOKE SELECT ON thing FROM {role}")).await.expect("the test's own SQL");
    failed(get().await, Code::PermissionDenied, "ACCESS_DENIED");
    shop.client.call("ListParts", json!({"parent": "things/1"})).await.expect("it still may");
    owner.batch_execute(&format!("GRANT SELECT ON thing TO {role}")).await.expect("the test's own SQL");
    get().await.expect("it may again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stops_is_unavailable_and_serves_again_once_it_is_back() {
    let mut cluster = tokio::task::spawn_blocking(|| Cluster::start(&[])).await.expect("it starts");
    let url = cluster.url("postgres");
    let database = crate::support::Database { name: "postgres".to_owned(), url };
    database.execute(crate::errors_shop::TABLES).await;
    // It is stopped like one that crashes, and commits without waiting for its disk.
    database.execute("CHECKPOINT").await;
    let shop = open(database, &[("postgres.probe_interval", "100ms")]).await;
    let get = || shop.client.call("GetThing", json!({"name": "things/1"}));
    get().await.expect("it serves");
    cluster.control("stop");
    // The first statement may be the one that meets the shutdown; and one connection may end after another.
    let mut failures = 0;
    while failures < 10 {
        if let Err(failure) = get().await {
            said(&failure, Code::Unavailable, "DATABASE_UNREACHABLE");
            assert!(failure.status.get_details_retry_info().is_some());
            failures += 1;
        }
    }
    cluster.control("start");
    loop {
        match get().await {
            Ok(_) => break,
            Err(failure) => said(&failure, Code::Unavailable, "DATABASE_UNREACHABLE"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_by_values_larger_than_a_token_is_refused() {
    let shop = shop(&[]).await;
    shop.database
        .execute("UPDATE thing SET title = repeat('y', 300000) || thing_id WHERE thing_id <= 3")
        .await;
    let page = |order: &str| json!({"order_by": order, "page_size": 1, "read_mask": "name"});
    let failure = failed(
        shop.client.call("ListThings", page("title desc")).await,
        Code::InvalidArgument,
        "ORDER_INVALID",
    );
    assert!(
        failure.message.contains("larger than the 262144 bytes that a token may have"),
        "{}",
        failure.message
    );
    shop.client.call("ListThings", page("thing_id")).await.expect_err("no such field");
    shop.client.call("ListThings", page("name")).await.expect("another order is the way round");
}
