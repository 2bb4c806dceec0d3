//! A contract that does not fit its database: what `rowcall check` says of it, and with which exit code.

use std::fs;
use std::process::Output;

use tempfile::TempDir;

use crate::support::{Database, EMPTY, database, free_port, rowcall};

const HEAD: &str = "syntax = \"proto3\";\npackage shop.v1;\nimport \"google/api/resource.proto\";\n\
                    import \"google/protobuf/duration.proto\";\nimport \"rowcall/v1/options.proto\";\n";

/// What the first line behind HEAD is numbered.
const FIRST: usize = 6;

const TABLES: &str = "
    CREATE TABLE artist (artist_id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE album (album_id int PRIMARY KEY, title varchar(80) NOT NULL, artist_id int REFERENCES artist,
                        guest_id int REFERENCES artist, price numeric, cover money);
    CREATE TABLE log (said text);
    CREATE TABLE seat (hall text, number int, PRIMARY KEY (hall, number));
    CREATE FUNCTION double(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';";

fn contract(body: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("shop.proto"), format!("{HEAD}{body}")).expect("written");
    folder
}

async fn tables() -> Database {
    let database = database(EMPTY).await;
    database.execute(TABLES).await;
    database
}

fn check(contract: &TempDir, url: &str, more: &[&str]) -> (i32, String, String) {
    let mut command = rowcall();
    command.arg("check").arg("--contract").arg(contract.path()).args(["--database", url]).args(more);
    let Output { status, stdout, stderr } = command.output().expect("rowcall starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("it ends by itself"), text(stdout), text(stderr))
}

/// Asserts every problem that is printed, without its file, with lines counted from the body's first.
#[track_caller]
fn problems(database: &Database, body: &str, expected: &[&str]) {
    let (code, out, error) = check(&contract(body), &database.url, &["--format", "github"]);
    let said: Vec<String> = out.lines().filter_map(problem).collect();
    assert_eq!(said, expected, "{out}{error}");
    assert_eq!(code, 1, "{out}{error}");
}

/// `::error file=shop.proto,line=7,title=Track.title::text` → `2: Track.title: text`.
fn problem(line: &str) -> Option<String> {
    let (properties, text) = line.strip_prefix("::error file=shop.proto,line=")?.split_once("::")?;
    let (line, title) = properties.split_once(",title=").unwrap_or((properties, ""));
    let line: usize = line.parse().expect("a line's number");
    Some(format!("{}: {title}: {text}", line + 1 - FIRST))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_misfit_is_told_at_once_with_its_place_and_what_to_do() {
    let database = tables().await;
    let body = r#"service S {
  rpc GetLog(GetLogRequest) returns (Log);
  rpc Dubble(NumberRequest) returns (Number) { option (rowcall.v1.method) = { routine: "dubble" }; }
  rpc Twice(TwiceRequest) returns (Number) { option (rowcall.v1.method) = { routine: "double" }; }
  rpc Fetch(NumberRequest) returns (Album);
  rpc Nothing(GetLogRequest) returns (Number) { option (rowcall.v1.method) = { query: "nothing.sql" }; }
}
message Album {
  option (rowcall.v1.table) = {};
  int64 album_id = 1;
  int64 title = 2;
  string artits_id = 3;
  Artist artist = 4;
  Artist other = 5 [(rowcall.v1.relation) = { foreign_key: "album_gest_id_fkey" }];
  repeated Seat seats = 6;
  repeated Seat places = 7 [(rowcall.v1.relation) = { through: "sitting" }];
  optional int64 price = 8;
  google.protobuf.Duration cover = 9 [(rowcall.v1.column) = { unit: SECONDS }];
  optional bool artist_id = 10;
}
message Artist { option (rowcall.v1.table) = {}; int32 artist_id = 1; }
message Track { option (rowcall.v1.table) = { name: "albun" }; int32 track_id = 1; }
message Hall { option (rowcall.v1.table) = {}; int32 hall_id = 1; }
message Log { option (rowcall.v1.table) = {}; optional string said = 1; }
message Seat {
  option (google.api.resource) = { type: "shop/Seat" pattern: "seats/{seat}" plural: "seats" singular: "seat" };
  option (rowcall.v1.table) = { soft_delete: "hal" key: "hal" };
  string name = 1;
}
message Chair {
  option (google.api.resource) = { type: "shop/Chair" pattern: "halls/{hall}/chairs/{chair}" plural: "chairs" singular: "chair" };
  option (rowcall.v1.table) = { name: "seat" };
  string name = 1;
}
message GetLogRequest { string said = 1; }
message NumberRequest { int32 n = 1; }
message TwiceRequest { int32 m = 1; }
message Number { int32 twice = 1; }
"#;
    problems(
        &database,
        body,
        &[
            "2: GetLog: Log has no key to find, order or page rows by: add a primary key, or give (rowcall.v1.table).key",
            "3: Dubble: no function \"dubble\" in the search path (public); did you mean \"double\"?: create it, or correct (rowcall.v1.method).routine",
            "4: Twice: request field \"m\" is no argument of function \"double\": remove it, or add the argument",
            "5: S.Fetch: has no shape that is known: begin its name with Get, BatchGet, List or Stream, or say with (rowcall.v1.method) which function or query answers it",
            "6: S.Nothing: query \"nothing.sql\" does not exist: put it beside the contract",
            "11: Album.title: column \"album.title\" is varchar, field is int64: use string",
            "12: Album.artits_id: table \"album\" has no column \"artits_id\"; did you mean \"artist_id\"?: add it, or name another by (rowcall.v1.column).name",
            "13: Album.artist: several foreign keys lead between tables \"album\" and \"artist\": choose \"album_artist_id_fkey\" or \"album_guest_id_fkey\" by (rowcall.v1.relation).foreign_key",
            "14: Album.other: no foreign key \"album_gest_id_fkey\" leads between tables \"album\" and \"artist\"; did you mean \"album_guest_id_fkey\"?: correct (rowcall.v1.relation).foreign_key",
            "15: Album.seats: no foreign key leads from table \"seat\" to \"album\": add one, give (rowcall.v1.table).foreign_keys, or go by a table between with (rowcall.v1.relation).through",
            "16: Album.places: (rowcall.v1.relation).through: no table \"sitting\"",
            "17: Album.price: column \"album.price\" is numeric, field is int64: use string",
            "18: Album.cover: column \"album.cover\" is money, field is google.protobuf.Duration: only an integer has a unit; leave it out",
            "19: Album.artist_id: column \"album.artist_id\" is int4, field is bool: use int32",
            "22: Track: no table \"albun\" in the search path (public); did you mean \"album\"?: create it, or correct (rowcall.v1.table).name",
            "23: Hall: no table \"halls\" or \"hall\" in the search path (public): create it, or name another by (rowcall.v1.table).name",
            "25: Seat: (rowcall.v1.table).key: no column \"hal\"; did you mean \"hall\"?",
            "25: Seat: (rowcall.v1.table).soft_delete: no column \"hal\"; did you mean \"hall\"?",
            "30: Chair: pattern variable {chair} is no key column (hall, number): rename it, or settle it by (rowcall.v1.table).variables",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_role_may_not_read_or_run_is_a_misfit() {
    let database = tables().await;
    database
        .execute(
            "CREATE ROLE unfit_reader LOGIN; GRANT SELECT (artist_id) ON artist TO unfit_reader;
             REVOKE EXECUTE ON FUNCTION double FROM public",
        )
        .await;
    let body = r#"service S {
  rpc Double(NumberRequest) returns (Number) { option (rowcall.v1.method) = { routine: "double" }; }
}
message Artist { option (rowcall.v1.table) = {}; int32 artist_id = 1;
  string name = 2; }
message NumberRequest { int32 n = 1; }
message Number { int32 twice = 1; }
"#;
    let url = database.url.replace("postgres@", "unfit_reader@");
    let (code, out, _) = check(&contract(body), &url, &["--format", "github"]);
    assert_eq!(code, 1);
    assert_eq!(
        out.lines().filter_map(problem).collect::<Vec<_>>(),
        [
            "2: Double: the role may not EXECUTE function \"double\": GRANT it",
            "5: Artist.name: the role may not SELECT column \"artist.name\": GRANT it, or leave the field out",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_do_not_compile_are_told_before_the_database_is_asked() {
    let nowhere = format!("postgres://postgres@127.0.0.1:{}/none", free_port());
    let (code, out, error) = check(&contract("service S {}\nmessage {\n"), &nowhere, &[]);
    let expected = "Does not fit:\nshop.proto:7: expected an identifier, but found '{'\n\n\
                    0 resources: does not fit; 1 problem, 0 losses, 0 missing indexes\n";
    assert_eq!((code, out.as_str(), error.as_str()), (1, expected, ""));
}

/// Fits, loses a NULL, and wants an index.
const LOSSY: &str = r#"service S {}
message Album { option (rowcall.v1.table) = { order_fields: "title" }; int32 album_id = 1; string title = 2;
  string price = 3; }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_tells_fit_misfit_and_absence() {
    let database = tables().await;
    let contract = contract(LOSSY);
    let (code, out, error) = check(&contract, &database.url, &[]);
    let expected = "Loses something:\n\
        shop.proto:8: Album.price: column \"album.price\" may be NULL, which the field cannot tell from its zero value: make the field optional\n\n\
        Missing indexes:\n\
        shop.proto:7: Album: ordered by title: no index on (\"title\", \"album_id\")\n    \
        CREATE INDEX CONCURRENTLY ON \"public\".\"album\" (\"title\", \"album_id\");\n\n\
        1 resource: fits; 0 problems, 1 loss, 1 missing index\n";
    assert_eq!((code, out.as_str(), error.as_str()), (0, expected, ""));
    let (code, out, _) = check(&contract, &database.url, &["--strict"]);
    assert_eq!((code, out), (1, expected.replace(": fits;", ": does not fit;")));
    let (code, _, error) = check(&contract, &database.url, &["--format", "xml"]);
    assert_eq!(code, 2);
    assert!(error.contains("text, json, github"), "{error}");
    let (code, out, error) =
        check(&contract, &format!("postgres://postgres@127.0.0.1:{}/none", free_port()), &[]);
    assert_eq!((code, out.as_str()), (3, ""), "{error}");
    assert!(error.starts_with("rowcall: "), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_says_the_same() {
    let database = tables().await;
    // What it proposes does fit.
    database.execute("CREATE INDEX ON \"public\".\"album\" (\"title\", \"album_id\")").await;
    let contract = contract(LOSSY);
    let (code, out, _) = check(&contract, &database.url, &["--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let text = "column \"album.price\" may be NULL, which the field cannot tell from its zero value: make the field optional";
    let loss = serde_json::json!({"file": "shop.proto", "line": 8, "subject": "Album.price", "text": text});
    assert_eq!(
        json,
        serde_json::json!({"fits": true, "resources": 1, "problems": [], "losses": [loss], "indexes": []})
    );
    assert_eq!(code, 0);
    let (code, out, _) = check(&contract, &database.url, &["--format", "github"]);
    assert_eq!((code, out), (0, format!("::warning file=shop.proto,line=8,title=Album.price::{text}\n")));
}
