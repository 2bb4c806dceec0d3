//! What somebody with grpcurl and no knowledge of the tables meets, in the order they meet it.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::grpcurl::{Answer, grpcurl, interrupted};
use crate::support::{CHINOOK, Database, Served, database, migrate};

const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contracts/chinook");

struct Minutes {
    served: Served,
    database: Database,
}

impl Minutes {
    async fn begin() -> Self {
        Self::over(database(CHINOOK).await)
    }

    /// Over a database that tells of changes, once they are heard of.
    async fn followed() -> Self {
        let database = database(CHINOOK).await;
        migrate(Path::new(CONTRACT), &database.url);
        let minutes = Self::over(database);
        let late = Instant::now() + Duration::from_secs(20);
        let heard = |answer: Answer| !answer.header("rowcall-cache").starts_with("bypass");
        while !heard(minutes.headers("GetTrack", &json!({"name": "tracks/1"}), &[])) {
            assert!(Instant::now() < late, "the feed never began");
        }
        minutes
    }

    fn over(database: Database) -> Self {
        let served = Served::start(&["--contract", CONTRACT, "--database", &database.url]);
        Self { served, database }
    }

    fn call(&self, method: &str, request: &Value, flags: &[&str]) -> Answer {
        let request = request.to_string();
        grpcurl(&[flags, &["-d", &request, &self.served.address, &full(method)]].concat())
    }

    /// As `call`, with the headers in the output.
    fn headers(&self, method: &str, request: &Value, flags: &[&str]) -> Answer {
        self.call(method, request, &[&["-v"], flags].concat())
    }
}

fn full(method: &str) -> String {
    format!("chinook.v1.ChinookService/{method}")
}

/// One value of every track of an answer.
fn each<'a>(answer: &'a Value, field: &str) -> Vec<&'a str> {
    let tracks = answer["tracks"].as_array().expect("tracks");
    tracks.iter().map(|track| track[field].as_str().expect(field)).collect()
}

#[tokio::test]
#[ignore = "needs grpcurl: make test-stack"]
async fn line_1_one_command_serves_an_example() {
    let served = Served::start(&[]);
    let first = served.banner.lines().next().expect("a line");
    assert!(first.starts_with("Rowcall 0.1.0 · example contract, "), "{first}");
    assert!(first.contains(" resources · Postgres "), "{first}");
    assert!(first.ends_with(&format!(" · {} (plaintext)", served.address)), "{first}");
    let list = format!("Try:  grpcurl -plaintext {} list\n", served.address);
    assert!(served.banner.contains(&list), "{}", served.banner);
    assert_eq!(grpcurl(&[&served.address, "list"]).code, 0);
}

#[tokio::test]
#[ignore = "needs grpcurl: make test-stack"]
async fn line_2_the_services_are_the_users_health_and_reflection() {
    let minutes = Minutes::begin().await;
    let answer = grpcurl(&[&minutes.served.address, "list"]);
    let services: Vec<&str> = answer.out.lines().collect();
    let expected = [
        "chinook.v1.ChinookService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ];
    assert_eq!(services, expected, "{}", answer.error);
}

#[tokio::test]
#[ignore = "needs grpcurl: make test-stack"]
async fn line_3_a_message_is_described_with_its_comments() {
    let minutes = Minutes::begin().await;
    let answer = grpcurl(&[&minutes.served.address, "describe", "chinook.v1.ListTracksRequest"]);
    let (before, inside) =
        answer.out.split_once("message ListTracksRequest {").unwrap_or_else(|| panic!("{}", answer.error));
    assert!(before.contains("// Asks for a page of tracks."), "{}", answer.out);
    assert!(inside.contains("// At most 1,000; 50 when absent."), "{}", answer.out);
    assert!(inside.contains("int32 page_size = "), "{}", answer.out);
    assert!(!answer.out.contains("rowcall.v1"), "{}", answer.out);
}

#[tokio::test]
#[ignore = "needs grpcurl: make test-stack"]
async fn lines_4_to_6_pages_and_a_token_for_another_order() {
    let minutes = Minutes::begin().await;
    let mask = ["-H", "rowcall-read-mask: name,title,length"];
    let page = minutes.call("ListTracks", &json!({"page_size": 2}), &mask).message();
    let token = page["nextPageToken"].as_str().expect("a token");
    let expected = json!([
        {"name": "tracks/1", "title": "For Those About To Rock (We Salute You)", "length": "343.719s"},
        {"name": "tracks/2", "title": "Balls to the Wall", "length": "342.562s"},
    ]);
    assert_eq!(page["tracks"], expected);

    let next = json!({"page_size": 2, "page_token": token});
    let page = minutes.call("ListTracks", &next, &mask).message();
    assert_eq!(each(&page, "name"), ["tracks/3", "tracks/4"]);

    let other = json!({"page_size": 2, "page_token": token, "order_by": "title"});
    minutes.call("ListTracks", &other, &mask).fails_with(
        "InvalidArgument",
        &[
            "page_token: made for another order_by; start again without it",
            "google.rpc.ErrorInfo",
            "\"TOKEN_INVALID\"",
            "\"rowcall.dev\"",
            "google.rpc.BadRequest",
            "\"field\": \"page_token\"",
        ],
    );
}

#[tokio::test]
#[ignore = "needs grpcurl: make test-stack"]
async fn line_7_a_mask_reaches_into_a_relation() {
    let minutes = Minutes::begin().await;
    // grpcurl takes a mask as the message that it is, not as the string that JSON has for it.
    let request = json!({"name": "tracks/1", "read_mask": {"paths": ["title", "album_detail.title"]}});
    let track = minutes.call("GetTrack", &request, &[]).message();
    // The album goes without the brackets.
    let title = "For Those About To Rock (We Salute You)";
    let album = "For Those About To Rock We Salute You";
    assert_eq!(track, json!({"title": title, "albumDetail": {"title": album}}));
}

#[tokio::test]
#[ignore = "needs grpcurl: make test-stack"]
async fn line_8_a_filter_through_a_relation_with_total_and_timing() {
    let minutes = Minutes::followed().await;
    let filter = "length > 200s AND (title = \"Ba*\" OR genre_detail.title = \"Jazz\")";
    let flags = ["-H", "rowcall-total: exact", "-H", "rowcall-timing: on"];
    let answer = minutes.headers("ListTracks", &json!({"filter": filter, "page_size": 2}), &flags);
    assert_eq!(answer.header("rowcall-total"), "140; exact");
    assert_eq!(answer.header("rowcall-cache"), "miss");
    for stage in ["acquire;dur=", "execute;dur=", "encode;dur="] {
        assert!(answer.header("server-timing").contains(stage), "{}", answer.header("server-timing"));
    }
    let seconds: f64 = answer.header("x-process-time").parse().expect("seconds");
    assert!(seconds > 0.0 && seconds < 10.0, "{seconds}");
}

#[tokio::test]
#[ignore = "needs grpcurl: make test-stack"]
async fn line_9_a_misspelt_field_is_answered_with_the_nearest() {
    let minutes = Minutes::begin().await;
    minutes.call("ListTracks", &json!({"filter": "lenght > 200s"}), &[]).fails_with(
        "InvalidArgument",
        &[
            "filter, column 1: no field \"lenght\" in Track; did you mean \"length\"?",
            "\"FILTER_INVALID\"",
            "\"position\": \"1\"",
            "\"field\": \"filter\"",
        ],
    );
}

#[tokio::test]
#[ignore = "needs grpcurl: make test-stack"]
async fn line_10_the_longest_track_comes_first() {
    let minutes = Minutes::begin().await;
    let request = json!({"order_by": "length desc", "page_size": 1});
    let page = minutes.call("ListTracks", &request, &[]).message();
    assert_eq!(each(&page, "name"), ["tracks/2820"]);
    assert_eq!(each(&page, "title"), ["Occupation / Precipice"]);
    assert_eq!(each(&page, "length"), ["5286.953s"]);
}

#[tokio::test]
#[ignore = "needs grpcurl: make test-stack"]
async fn line_11_absent_values_are_found_and_counted() {
    let minutes = Minutes::begin().await;
    let request = json!({"filter": "NOT composer:*", "page_size": 1});
    let answer = minutes.headers("ListTracks", &request, &["-H", "rowcall-total: exact"]);
    assert_eq!(answer.header("rowcall-total"), "977; exact");
}

#[tokio::test]
#[ignore = "needs grpcurl: make test-stack"]
async fn line_12_a_missing_row_is_named() {
    let minutes = Minutes::begin().await;
    minutes.call("GetTrack", &json!({"name": "tracks/999999"}), &[]).fails_with(
        "NotFound",
        &[
            "tracks/999999 does not exist",
            "\"ROW_MISSING\"",
            "google.rpc.ResourceInfo",
            "\"resourceName\": \"tracks/999999\"",
            "\"resourceType\": \"chinook.example.com/Track\"",
        ],
    );
}

#[tokio::test]
#[ignore = "needs grpcurl: make test-stack"]
async fn line_13_an_interrupted_stream_goes_on_where_it_was() {
    let minutes = Minutes::begin().await;
    let request = json!({"chunk_size": 500}).to_string();
    let method = full("StreamTracks");
    let chunks = interrupted(&["-d", &request, &minutes.served.address, &method], 2);
    let read: usize = chunks.iter().map(|chunk| each(chunk, "name").len()).sum();
    assert_eq!(read, 1000);
    let rest = json!({"chunk_size": 500, "resume_token": chunks[1]["resumeToken"]});
    let rest = minutes.call("StreamTracks", &rest, &[]).messages();
    assert_eq!(each(&rest[0], "name")[0], "tracks/1001");
    assert_eq!(rest.iter().map(|chunk| each(chunk, "name").len()).sum::<usize>(), 2503);
}

#[tokio::test]
#[ignore = "needs grpcurl: make test-stack"]
async fn line_14_a_deadline_ends_a_stream() {
    let minutes = Minutes::begin().await;
    let short = minutes.call("StreamTracks", &json!({}), &["-max-time", "0.001"]);
    // It passes while grpcurl still connects, or later, when the call has a status.
    let said = ["context deadline exceeded", "Code: DeadlineExceeded"];
    assert!(said.iter().any(|text| short.error.contains(text)), "{}\n{}", short.out, short.error);
    // With the table locked the deadline passes in the database, on any machine, however fast.
    let mut holder = minutes.database.client().await;
    let lock = holder.transaction().await.expect("a transaction");
    lock.batch_execute("LOCK TABLE track IN ACCESS EXCLUSIVE MODE").await.expect("the lock");
    let answer = minutes.call("StreamTracks", &json!({}), &["-max-time", "1"]);
    // Its time is over, so grpcurl does not ask any more what the details are, if they arrived at all.
    assert!(answer.error.contains("Code: DeadlineExceeded\n"), "{}\n{}", answer.out, answer.error);
    lock.rollback().await.expect("the lock is given back");
}

#[tokio::test]
#[ignore = "needs grpcurl: make test-stack"]
async fn line_15_a_service_that_serves_is_serving() {
    let minutes = Minutes::begin().await;
    let request = json!({"service": "chinook.v1.ChinookService"}).to_string();
    let answer = grpcurl(&["-d", &request, &minutes.served.address, "grpc.health.v1.Health/Check"]);
    assert_eq!(answer.message(), json!({"status": "SERVING"}));
}
