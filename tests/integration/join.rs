//! Concurrent Gets share statements, and none of them notices: not by its row, not by its errors, not by its deadline.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_postgres::Client as Session;
use tonic::Code;

use crate::errors_shop::written;
use crate::support::session::until;
use crate::support::{Client, Database, EMPTY, Failure, Local, Tap, database, serve};

pub const TABLES: &str = "
    CREATE EXTENSION citext;
    CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE thing (thing_id int PRIMARY KEY, title text, made_at timestamptz);
    INSERT INTO thing SELECT n, 'thing ' || n, CASE n WHEN 7 THEN 'infinity' ELSE '2020-01-01Z' END::timestamptz
        FROM generate_series(1, 150) AS n;
    CREATE VIEW share AS SELECT thing_id, 100 / (thing_id - 5) AS part FROM thing;
    CREATE TABLE word (word text COLLATE folded PRIMARY KEY, said text);
    INSERT INTO word VALUES ('Foo', '1'), ('bar', '2');
    CREATE TABLE padded (code char(4) PRIMARY KEY, said text);
    INSERT INTO padded VALUES ('ab', '1'), ('a', '2');
    CREATE TABLE handle (handle citext PRIMARY KEY, said text);
    INSERT INTO handle VALUES ('Ann', '1'), ('bob', '2');
    CREATE TABLE price (price numeric PRIMARY KEY, said text);
    INSERT INTO price VALUES (1.50, '1'), (2, '2'), ('NaN', '3');
    CREATE TABLE seat (hall text COLLATE folded, number int, said text, PRIMARY KEY (hall, number));
    INSERT INTO seat VALUES ('East', 1, '1'), ('East', 2, '2'), ('west', 1, '3');
";

pub const CONTRACT: &str = r#"syntax = "proto3";
package join.v1;
import "google/api/resource.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";
import "rowcall/v1/options.proto";
service Join {
  rpc GetThing(GetThingRequest) returns (Thing);
  rpc GetShare(GetShareRequest) returns (Share);
  rpc GetWord(GetWordRequest) returns (Word);
  rpc GetPadded(GetPaddedRequest) returns (Padded);
  rpc GetHandle(GetHandleRequest) returns (Handle);
  rpc GetPrice(GetPriceRequest) returns (Price);
  rpc GetSeat(GetSeatRequest) returns (Seat);
}
message Thing {
  option (google.api.resource) = { type: "join.example.com/Thing" pattern: "things/{thing}" plural: "things" singular: "thing" };
  option (rowcall.v1.table) = {};
  string name = 1;
  string title = 2;
  google.protobuf.Timestamp made_at = 3;
}
message Share { option (rowcall.v1.table) = { key: "thing_id" }; int32 thing_id = 1; int32 part = 2; }
message Word { option (rowcall.v1.table) = {}; string word = 1; string said = 2; }
message Padded { option (rowcall.v1.table) = {}; string code = 1; string said = 2; }
message Handle { option (rowcall.v1.table) = {}; string handle = 1; string said = 2; }
message Price { option (rowcall.v1.table) = {}; string price = 1; string said = 2; }
message Seat { option (rowcall.v1.table) = {}; string hall = 1; int32 number = 2; string said = 3; }
message GetThingRequest { string name = 1; google.protobuf.FieldMask read_mask = 2; }
message GetShareRequest { int32 thing_id = 1; }
message GetWordRequest { string word = 1; }
message GetPaddedRequest { string code = 1; }
message GetHandleRequest { string handle = 1; }
message GetPriceRequest { string price = 1; }
message GetSeatRequest { string hall = 1; int32 number = 2; }
"#;

/// One statement of a shape at a time: the head runs alone, and all others wait for it.
pub const ONE: (&str, &str) = ("join.statements_max", "1");
/// All connections are there from the first and never tried, so that only calls make statements.
const CALLS_ONLY: [(&str, &str); 3] =
    [("postgres.check_after", "1h"), ("postgres.connections_kept", "12"), ("postgres.connections_max", "12")];

pub struct Things {
    pub database: Database,
    pub tap: Tap,
    pub client: Client,
    _local: Local,
    _contract: TempDir,
}

type Answered = JoinHandle<Result<Value, Failure>>;

pub async fn things(settings: &[(&str, &str)]) -> Things {
    let (database, tap) = (database(EMPTY).await, Tap::start().await);
    database.execute(TABLES).await;
    let contract = written(CONTRACT);
    let settings: Vec<(&str, &str)> = CALLS_ONLY.iter().chain(settings).copied().collect();
    let local = serve(contract.path().to_str().expect("UTF-8"), &tap.url(&database), &settings).await;
    let connected = "SELECT count(*) = {} FROM pg_stat_activity WHERE datname = current_database() \
                     AND application_name = 'rowcall' AND state = 'idle' AND query <> ''";
    let kept =
        settings.iter().rfind(|(name, _)| *name == "postgres.connections_kept").expect("one of CALLS_ONLY");
    until(&database, &connected.replace("{}", kept.1)).await;
    tap.taken();
    Things { database, tap, client: local.client.clone(), _local: local, _contract: contract }
}

impl Things {
    /// Holds up every statement on a table until it is rolled back.
    pub async fn hold(&self, table: &str) -> Session {
        let session = self.database.client().await;
        let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        session.batch_execute(&lock).await.expect("the test's own SQL");
        session
    }

    /// Returns once so many statements are held up, no more and no fewer.
    pub async fn held_up(&self, statements: usize) {
        let count = "SELECT count(*) = {} FROM pg_stat_activity WHERE datname = current_database() \
                     AND wait_event_type = 'Lock' AND state = 'active'";
        until(&self.database, &count.replace("{}", &statements.to_string())).await;
    }

    pub fn ask(&self, method: &'static str, request: Value) -> Answered {
        self.ask_within(method, request, None)
    }

    pub fn ask_within(
        &self,
        method: &'static str,
        request: Value,
        timeout: Option<&'static str>,
    ) -> Answered {
        let client = self.client.clone();
        tokio::spawn(async move {
            let timeout: Vec<_> = timeout.map(|text| ("grpc-timeout", text)).into_iter().collect();
            client.call_with(method, request, &timeout).await.map(|answer| answer.json())
        })
    }

    pub fn thing(&self, id: usize) -> Answered {
        self.ask("GetThing", thing(id))
    }

    /// Behind whatever was asked before on the same connection; needs no statement.
    pub async fn arrived(&self) {
        for _ in 0..20 {
            let failure = self.client.call("GetThing", json!({"name": "none"})).await.expect_err("no name");
            assert_eq!(failure.code, Code::InvalidArgument);
        }
    }

    /// Returns once so many statements have begun since this was asked last.
    pub async fn begun(&self, statements: usize) {
        let late = Instant::now() + Duration::from_secs(10);
        let mut begun = 0;
        while begun < statements {
            assert!(Instant::now() < late, "{begun} of {statements} statements have begun");
            tokio::task::yield_now().await;
            begun += self.tap.taken();
        }
        assert_eq!(begun, statements);
    }
}

pub fn thing(id: usize) -> Value {
    json!({"name": format!("things/{id}")})
}

pub async fn release(held: Session) {
    held.batch_execute("ROLLBACK").await.expect("the test's own SQL");
}

pub async fn answer(call: Answered) -> Result<Value, Failure> {
    call.await.expect("it ends")
}

/// Its own row, or the name of its own key.
async fn own(call: Answered, id: usize) {
    let name = format!("things/{id}");
    match answer(call).await {
        Ok(row) => {
            assert_eq!((row["name"].as_str(), id <= 150), (Some(name.as_str()), true));
            assert_eq!(row["title"], format!("thing {id}"));
        }
        Err(failure) => {
            assert_eq!((failure.code, id > 150), (Code::NotFound, true), "{id}: {}", failure.message);
            assert_eq!(failure.message, format!("{name} does not exist"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_gets_share_few_statements_and_each_gets_its_own_row() {
    let things = things(&[]).await;
    let held = things.hold("thing").await;
    let mut calls = vec![(8, things.thing(8)), (151, things.thing(151))];
    things.held_up(2).await;
    // Scattered, with some asked for twice and some that do not exist; none is the seventh.
    let ids = (1..=200).map(|n| 8 + n * 7919 % 157);
    calls.extend(ids.map(|id| (id, things.thing(id))));
    assert!(calls.iter().any(|(id, _)| *id > 150));
    things.arrived().await;
    things.held_up(2).await;
    release(held).await;
    for (id, call) in calls {
        own(call, id).await;
    }
    let statements = things.tap.taken();
    assert!((4..=12).contains(&statements), "{statements} statements for 202 calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_get_is_one_statement() {
    let things = things(&[]).await;
    for id in 1..=5 {
        own(things.thing(id), id).await;
        assert_eq!(things.tap.taken(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_max_of_one_joins_nothing() {
    let things = things(&[("join.calls_max", "1")]).await;
    let held = things.hold("thing").await;
    let calls: Vec<_> = (11..21).map(|id| (id, things.thing(id))).collect();
    things.held_up(10).await;
    release(held).await;
    for (id, call) in calls {
        own(call, id).await;
    }
    assert_eq!(things.tap.taken(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_carries_at_most_calls_max() {
    let things = things(&[ONE, ("join.calls_max", "4")]).await;
    let held = things.hold("thing").await;
    let mut calls = vec![(10, things.thing(10))];
    things.held_up(1).await;
    calls.extend((11..=20).map(|id| (id, things.thing(id))));
    things.arrived().await;
    release(held).await;
    for (id, call) in calls {
        own(call, id).await;
    }
    // Ten behind the head, by four.
    let statements = things.tap.taken();
    assert!((4..=6).contains(&statements), "{statements}");
}

/// Every key with what its row says, or None; all of them in one statement behind the head.
async fn found(things: &Things, table: &str, method: &'static str, keys: &[(Value, Option<&str>)]) {
    let held = things.hold(table).await;
    let head = things.ask(method, keys[0].0.clone());
    things.held_up(1).await;
    things.tap.taken();
    let calls: Vec<_> = keys.iter().map(|(key, _)| things.ask(method, key.clone())).collect();
    things.arrived().await;
    release(held).await;
    let head = answer(head).await.ok();
    assert_eq!(head.as_ref().and_then(|row| row["said"].as_str()), keys[0].1);
    for (call, (key, said)) in calls.into_iter().zip(keys) {
        match (answer(call).await, said) {
            (Ok(row), Some(said)) => assert_eq!(row["said"], *said, "{method} {key}"),
            (Err(failure), None) => assert_eq!(failure.code, Code::NotFound, "{method} {key}"),
            (other, _) => panic!("{method} {key}: {other:?}, not {said:?}"),
        }
    }
    let statements = things.tap.taken();
    assert!(statements < keys.len(), "{method}: {statements} statements");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_finds_the_row_that_postgres_calls_equal() {
    let things = things(&[ONE]).await;
    let words = [("foo", Some("1")), ("FOO", Some("1")), ("Foo", Some("1")), ("BAR", Some("2")), ("f", None)];
    found(&things, "word", "GetWord", &words.map(|(word, said)| (json!({ "word": word }), said))).await;
    let codes = [("ab", Some("1")), ("ab  ", Some("1")), ("a", Some("2")), ("b", None), ("a ", Some("2"))];
    found(&things, "padded", "GetPadded", &codes.map(|(code, said)| (json!({ "code": code }), said))).await;
    let handles =
        [("ann", Some("1")), ("ANN", Some("1")), ("BOB", Some("2")), ("an", None), ("Ann", Some("1"))];
    let handles = handles.map(|(handle, said)| (json!({ "handle": handle }), said));
    found(&things, "handle", "GetHandle", &handles).await;
    let prices =
        [("1.5", Some("1")), ("1.500", Some("1")), ("2.0", Some("2")), ("NaN", Some("3")), ("2.01", None)];
    found(&things, "price", "GetPrice", &prices.map(|(price, said)| (json!({ "price": price }), said))).await;
    let seats = [
        (("east", 1), Some("1")),
        (("EAST", 2), Some("2")),
        (("West", 1), Some("3")),
        (("west", 2), None),
        (("East", 1), Some("1")),
    ];
    let seats = seats.map(|((hall, number), said)| (json!({ "hall": hall, "number": number }), said));
    found(&things, "seat", "GetSeat", &seats).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_masks_and_other_methods_do_not_share() {
    let things = things(&[ONE]).await;
    let held = things.hold("thing").await;
    let masked = |id: usize, mask| json!({"name": format!("things/{id}"), "read_mask": mask});
    let title = things.ask("GetThing", masked(9, "title"));
    let name = things.ask("GetThing", masked(9, "name"));
    let whole = things.thing(9);
    let share = things.ask("GetShare", json!({"thing_id": 9}));
    // Each is the head of its own lane.
    things.held_up(4).await;
    let next_title = things.ask("GetThing", masked(10, "title"));
    let next_name = things.ask("GetThing", masked(10, "name"));
    let next_share = things.ask("GetShare", json!({"thing_id": 10}));
    things.arrived().await;
    things.held_up(4).await;
    release(held).await;
    assert_eq!(answer(title).await.expect("a row"), json!({"title": "thing 9"}));
    assert_eq!(answer(name).await.expect("a row"), json!({"name": "things/9"}));
    own(whole, 9).await;
    assert_eq!(answer(share).await.expect("a row"), json!({"thing_id": 9, "part": 25}));
    assert_eq!(answer(next_title).await.expect("a row"), json!({"title": "thing 10"}));
    assert_eq!(answer(next_name).await.expect("a row"), json!({"name": "things/10"}));
    assert_eq!(answer(next_share).await.expect("a row"), json!({"thing_id": 10, "part": 20}));
    assert_eq!(things.tap.taken(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_row_that_cannot_be_answered_fails_its_caller_alone() {
    let things = things(&[ONE]).await;
    let held = things.hold("thing").await;
    let (head, first) = (things.thing(50), things.ask("GetShare", json!({"thing_id": 50})));
    things.held_up(2).await;
    let rows: Vec<_> = (1..=10).map(|id| (id, things.thing(id))).collect();
    let shares: Vec<_> =
        (1..=10).map(|id: i64| (id, things.ask("GetShare", json!({ "thing_id": id })))).collect();
    things.arrived().await;
    release(held).await;
    own(head, 50).await;
    assert_eq!(answer(first).await.expect("a row")["part"], 2);
    for (id, call) in rows {
        if id == 7 {
            let failure = answer(call).await.expect_err("no Timestamp is infinite");
            assert_eq!((failure.code, failure.reason.as_str()), (Code::OutOfRange, "VALUE_UNREPRESENTABLE"));
            assert_eq!(failure.info["row"], "things/7");
        } else {
            own(call, id).await;
        }
    }
    for (id, call) in shares {
        if id == 5 {
            let failure = answer(call).await.expect_err("there is no 100 / 0");
            assert_eq!(failure.reason, "VALUE_MALFORMED", "{}", failure.message);
        } else {
            assert_eq!(answer(call).await.expect("its own row is good")["part"], 100 / (id - 5), "{id}");
        }
    }
    // Things: the head, and one more. Shares: the head, one that Postgres refuses, one by one.
    let statements = things.tap.taken();
    assert!((4..=16).contains(&statements), "{statements}");
}
