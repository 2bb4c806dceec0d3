//! A changed contract or changed tables, met while serving: new plans, no failed calls, and old plans when it fails.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::errors_shop::{CONTRACT, Shop, TABLES, shop, written};
use crate::support::{Client, Database, EMPTY, Path, Proxy, Served, cluster, database};

async fn served(contract: &TempDir, database: &Database) -> (Served, Client) {
    served_from(contract, &database.url).await
}

async fn served_from(contract: &TempDir, url: &str) -> (Served, Client) {
    let contract_path = contract.path().to_str().expect("UTF-8");
    let arguments: Vec<String> = ["--contract", contract_path, "--database", url].map(str::to_owned).to_vec();
    let start = move || Served::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let served = tokio::task::spawn_blocking(start).await.expect("it starts");
    let client = client(contract, &served).await;
    (served, client)
}

/// One that knows the contract as it is in the folder now.
async fn client(contract: &TempDir, served: &Served) -> Client {
    let address: SocketAddr = served.address.parse().expect("an address");
    Client::connect(contract.path().to_owned(), address).await
}

fn write(contract: &TempDir, text: &str) {
    fs::write(contract.path().join("shop.proto"), text).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_contract_is_served_after_sighup_and_no_call_fails() {
    let database = database(EMPTY).await;
    database.execute(TABLES).await;
    let contract = written(CONTRACT);
    let (served, old) = served(&contract, &database).await;
    // A call under way, held up by a lock, and a stream in its middle.
    let held = database.client().await;
    let mut chunks =
        old.stream("StreamParts", json!({"chunk_size": 1, "parent": "things/-"})).await.expect("it begins");
    chunks.next().await.expect("a chunk").expect("a chunk");
    held.batch_execute("BEGIN; LOCK TABLE thing").await.expect("the test's own SQL");
    let waiting = old.clone();
    let waiting = tokio::spawn(async move { waiting.call("GetThing", json!({"name": "things/1"})).await });
    let waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    crate::support::session::until(&database, waits).await;

    // A reload needs no lock on the table's rows, only its catalog.
    write(
        &contract,
        &CONTRACT
            .replace("rpc GetCode(", "rpc GetMaker(GetMakerRequest) returns (Maker);\n  rpc GetCode(")
            .replace(
                "message GetCodeRequest",
                "message GetMakerRequest { int32 maker_id = 1; }\nmessage GetCodeRequest",
            ),
    );
    served.signal(Signal::HUP);
    served.logged("reloaded", 1).await;
    let new = client(&contract, &served).await;
    let maker = new.call("GetMaker", json!({"maker_id": 1})).await.expect("the new method serves").json();
    assert_eq!(maker, json!({"maker_id": 1, "title": "Acme"}));
    held.batch_execute("ROLLBACK").await.expect("the test's own SQL");
    let answer = waiting.await.expect("it ends").expect("the call under way is answered").json();
    assert_eq!(answer["title"], "thing 1");
    let mut left = 0;
    while let Some(chunk) = chunks.next().await.expect("a chunk") {
        left += chunk.get_field_by_name("parts").expect("rows").as_list().expect("rows").len();
    }
    assert_eq!(left, 2);

    // A method that is gone is unknown, as if it had never been.
    write(&contract, CONTRACT);
    served.signal(Signal::HUP);
    served.logged("reloaded", 2).await;
    let gone = new.call("GetMaker", json!({"maker_id": 1})).await.expect_err("the method is gone");
    assert_eq!(gone.code, Code::Unimplemented);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_fails_keeps_the_old_plans_and_says_why() {
    let database = database(EMPTY).await;
    database.execute(TABLES).await;
    let contract = written(CONTRACT);
    let (served, client) = served(&contract, &database).await;
    write(&contract, "syntax = \"proto3\";\nmessage {");
    served.signal(Signal::HUP);
    served.logged("the reload failed, and the old plans stay", 1).await;
    assert!(served.log().contains("shop.proto:2: expected an identifier, but found '{'"), "{}", served.log());
    client.call("GetThing", json!({"name": "things/1"})).await.expect("the old plans serve");
    write(&contract, CONTRACT);
    served.signal(Signal::HUP);
    served.logged("reloaded", 1).await;
    client.call("GetThing", json!({"name": "things/1"})).await.expect("it serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_finds_no_database_is_done_when_it_is_back() {
    let database = database(EMPTY).await;
    database.execute(TABLES).await;
    let proxy = Proxy::start(cluster().port).await;
    let contract = written(CONTRACT);
    let (served, client) = served_from(&contract, &proxy.url(&database.name)).await;
    database.execute("ALTER TABLE thing RENAME title TO label").await;
    served.signal(Signal::HUP);
    served.logged("reloaded", 1).await;
    let get = json!({"name": "things/1"});
    let unfit = client.call("GetThing", get.clone()).await.expect_err("a column is missing");
    assert_eq!(unfit.reason, "RESOURCE_UNFIT");

    proxy.set(Path::Cut);
    database.execute("ALTER TABLE thing RENAME label TO title").await;
    served.signal(Signal::HUP);
    served.logged("the reload failed, and the old plans stay", 1).await;
    proxy.set(Path::Open);
    served.logged("reloaded", 2).await;
    client.call("GetThing", get).await.expect("nobody had to ask again");
}

/// Calls until the answer is no longer CATALOG_CHANGED, which is what a retrying client does.
async fn settled(shop: &Shop, method: &str, request: Value) -> Result<Value, (Code, String)> {
    let late = Instant::now() + Duration::from_secs(30);
    loop {
        match shop.client.call(method, request.clone()).await {
            Ok(answer) => return Ok(answer.json()),
            Err(failure) if failure.reason == "CATALOG_CHANGED" => {
                assert_eq!(failure.code, Code::Unavailable);
                assert!(failure.status.get_details_retry_info().is_some());
                assert!(Instant::now() < late, "the reload never came");
            }
            Err(failure) => return Err((failure.code, failure.reason)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_column_makes_its_resource_unfit_and_the_rest_serves() {
    let shop = shop(&[]).await;
    let get = json!({"name": "things/1"});
    // Prepared on its connection, too.
    for _ in 0..3 {
        settled(&shop, "GetThing", get.clone()).await.expect("it serves");
    }
    shop.database.execute("ALTER TABLE thing DROP COLUMN picture").await;
    let unfit = (Code::FailedPrecondition, "RESOURCE_UNFIT".to_owned());
    assert_eq!(settled(&shop, "GetThing", get.clone()).await, Err(unfit));
    let failure = shop.client.call("ListThings", json!({})).await.expect_err("unfit");
    assert_eq!(failure.reason, "RESOURCE_UNFIT");
    assert_eq!(
        failure.message,
        "shop.v1.Shop/ListThings does not fit the database and is not served; `rowcall check` tells its operator why"
    );
    let precondition = failure.status.get_details_precondition_failure().expect("a PreconditionFailure");
    assert_eq!(precondition.violations[0].subject, "Thing.picture");
    assert!(failure.status.get_details_retry_info().is_none());
    settled(&shop, "ListParts", json!({"parent": "things/1"})).await.expect("the rest serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retyped_column_is_read_anew_or_unfit() {
    let shop = shop(&[]).await;
    for _ in 0..3 {
        settled(&shop, "GetThing", json!({"name": "things/1"})).await.expect("it serves");
    }
    // varchar suits the field as well as text does.
    shop.database.execute("ALTER TABLE thing ALTER title TYPE varchar(100)").await;
    let thing = settled(&shop, "GetThing", json!({"name": "things/1"})).await.expect("it serves again");
    assert_eq!(thing["title"], "thing 1");
    // An added column changes nothing.
    shop.database.execute("ALTER TABLE thing ADD COLUMN more int").await;
    let thing = shop.client.call("GetThing", json!({"name": "things/1"})).await.expect("unseen").json();
    assert_eq!(thing["title"], "thing 1");
    shop.database.execute("ALTER TABLE thing ALTER picture TYPE boolean USING true").await;
    let unfit = (Code::FailedPrecondition, "RESOURCE_UNFIT".to_owned());
    assert_eq!(settled(&shop, "GetThing", json!({"name": "things/1"})).await, Err(unfit));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_of_several_names_is_renamed_without_an_outage() {
    let database = database(EMPTY).await;
    database.execute(TABLES).await;
    let text = CONTRACT.replace(
        "  optional string title = 2;\n}",
        "  optional string title = 2 [(rowcall.v1.column) = { name: \"label\" name: \"title\" }];\n}",
    );
    assert_ne!(text, CONTRACT);
    let contract = written(&text);
    let local = crate::support::serve(contract.path().to_str().expect("UTF-8"), &database.url, &[]).await;
    let shop = Shop { database, client: local.client.clone(), local, contract };
    let part = json!({"name": "things/1/parts/1"});
    for _ in 0..3 {
        settled(&shop, "GetPart", part.clone()).await.expect("it serves");
    }
    shop.database.execute("ALTER TABLE part RENAME COLUMN title TO label").await;
    let answer = settled(&shop, "GetPart", part.clone()).await.expect("the other name serves");
    assert_eq!(answer, json!({"name": "things/1/parts/1", "title": "lid"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_table_is_unfit_until_it_is_back_and_read_again() {
    let shop = shop(&[]).await;
    settled(&shop, "GetCode", json!({"name": "codes/x"})).await.expect("it serves");
    shop.database.execute("DROP TABLE code").await;
    let unfit = (Code::FailedPrecondition, "RESOURCE_UNFIT".to_owned());
    assert_eq!(settled(&shop, "GetCode", json!({"name": "codes/x"})).await, Err(unfit));
    settled(&shop, "GetThing", json!({"name": "things/1"})).await.expect("the rest serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_undone_while_the_catalog_was_read_takes_nothing_away() {
    let database = database(EMPTY).await;
    database.execute(TABLES).await;
    let contract = written(CONTRACT);
    let proxy = Proxy::start(cluster().port).await;
    let path = contract.path().to_str().expect("UTF-8");
    // Nothing but the reload asks, and is not answered.
    let settings = ["postgres.check_after=1h", "postgres.probe_interval=1h"];
    let arguments = [
        "--contract",
        path,
        "--database",
        &proxy.url(&database.name),
        "--set",
        settings[0],
        "--set",
        settings[1],
    ];
    let arguments = arguments.map(str::to_owned);
    let start = move || Served::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let served = tokio::task::spawn_blocking(start).await.expect("it starts");
    let client = client(&contract, &served).await;
    client.call("GetThing", json!({"name": "things/1"})).await.expect("it serves");

    database.execute("ALTER TABLE thing RENAME title TO away").await;
    let now = database.client().await.query_one("SELECT clock_timestamp()::text", &[]).await;
    let now: String = now.expect("the test's own SQL").get(0);
    proxy.set(Path::Mute);
    served.signal(Signal::HUP);
    let read = format!(
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND state <> 'active'
         AND query LIKE 'SELECT json_build_object%' AND query_start > '{now}'"
    );
    crate::support::session::until(&database, &read).await;
    database.execute("ALTER TABLE thing RENAME away TO title").await;
    proxy.set(Path::Open);
    served.logged("reloaded", 1).await;
    assert!(!served.log().contains("does not fit"), "{}", served.log());
    client.call("GetThing", json!({"name": "things/1"})).await.expect("it serves");
}
