//! A small shop whose rows, functions and rules can go wrong in every way: its tables, its contract, its server.

use std::fs;

use tempfile::TempDir;

use crate::support::{Client, Database, EMPTY, Local, database, serve};

pub const TABLES: &str = "
    CREATE TABLE maker (maker_id int PRIMARY KEY, title text NOT NULL);
    CREATE TABLE thing (
        thing_id int PRIMARY KEY, title text NOT NULL, maker_id int REFERENCES maker,
        sold_at timestamptz, picture bytea);
    INSERT INTO maker VALUES (1, 'Acme');
    INSERT INTO thing SELECT n, 'thing ' || n, CASE WHEN n % 2 = 0 THEN 1 END, '2020-01-01Z', NULL
        FROM generate_series(1, 2000) AS n;
    CREATE TABLE part (thing_id int REFERENCES thing, number int, title text, PRIMARY KEY (thing_id, number));
    INSERT INTO part VALUES (1, 1, 'lid'), (1, 2, 'box'), (2, 1, 'lid');
    CREATE TABLE code (code text PRIMARY KEY);
    INSERT INTO code VALUES ('a b'), ('x');
    CREATE FUNCTION raise(state text, said text) RETURNS int LANGUAGE plpgsql STABLE AS
        $$BEGIN RAISE EXCEPTION USING ERRCODE = state, MESSAGE = said, DETAIL = 'SECRET', HINT = 'SECRET'; END$$;
    CREATE FUNCTION divide(n int) RETURNS int LANGUAGE sql STABLE AS 'SELECT 1 / n';
    CREATE FUNCTION held(n bigint) RETURNS int LANGUAGE sql STABLE AS 'SELECT 1 FROM pg_advisory_xact_lock(n)';
    CREATE FUNCTION lines(count int, width int) RETURNS TABLE (line text) LANGUAGE sql STABLE AS
        $$SELECT repeat('x', width) FROM generate_series(1, count)$$;
";

pub const CONTRACT: &str = r#"syntax = "proto3";
package shop.v1;
import "buf/validate/validate.proto";
import "google/api/resource.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";
import "rowcall/v1/options.proto";

service Shop {
  rpc GetThing(GetThingRequest) returns (Thing);
  rpc BatchGetThings(BatchGetThingsRequest) returns (BatchGetThingsResponse);
  rpc ListThings(ListThingsRequest) returns (ListThingsResponse);
  rpc ListOtherThings(ListThingsRequest) returns (ListThingsResponse);
  rpc StreamThings(StreamThingsRequest) returns (stream StreamThingsResponse);
  rpc GetPart(GetPartRequest) returns (Part);
  rpc ListParts(ListPartsRequest) returns (ListPartsResponse);
  rpc StreamParts(StreamPartsRequest) returns (stream StreamPartsResponse);
  rpc GetCode(GetCodeRequest) returns (Code);
  rpc Raise(RaiseRequest) returns (Number) { option (rowcall.v1.method) = { routine: "raise" }; }
  rpc Divide(DivideRequest) returns (Number) { option (rowcall.v1.method) = { routine: "divide" }; }
  rpc Held(HeldRequest) returns (Number) { option (rowcall.v1.method) = { routine: "held" }; }
  rpc Lines(LinesRequest) returns (LinesResponse) { option (rowcall.v1.method) = { routine: "lines" }; }
  rpc StreamLines(LinesRequest) returns (stream LinesResponse) { option (rowcall.v1.method) = { routine: "lines" }; }
}

message Maker {
  option (rowcall.v1.table) = {};
  int32 maker_id = 1;
  string title = 2;
}
message Thing {
  option (google.api.resource) = { type: "shop.example.com/Thing" pattern: "things/{thing}" plural: "things" singular: "thing" };
  option (rowcall.v1.table) = { filter_fields: "title" filter_fields: "sold_at" order_fields: "title" order_fields: "name" };
  string name = 1;
  string title = 2;
  optional google.protobuf.Timestamp sold_at = 3;
  optional bytes picture = 4;
  Maker maker = 5;
}
message Part {
  option (google.api.resource) = { type: "shop.example.com/Part" pattern: "things/{thing}/parts/{part}" plural: "parts" singular: "part" };
  option (rowcall.v1.table) = { variables: { variable: "part" column: "number" } };
  string name = 1;
  optional string title = 2;
}
message Code {
  option (google.api.resource) = { type: "shop.example.com/Code" pattern: "codes/{code}" plural: "codes" singular: "code" };
  string name = 1;
}
message GetThingRequest { string name = 1; google.protobuf.FieldMask read_mask = 2; }
message BatchGetThingsRequest { repeated string names = 1; google.protobuf.FieldMask read_mask = 2; }
message BatchGetThingsResponse { repeated Thing things = 1; }
message ListThingsRequest {
  int32 page_size = 1;
  string page_token = 2;
  string filter = 3 [(buf.validate.field).string.max_len = 40];
  string order_by = 4;
  google.protobuf.FieldMask read_mask = 5;
  int32 skip = 6 [(buf.validate.field).int32.lte = 5000];
}
message ListThingsResponse { repeated Thing things = 1; string next_page_token = 2; }
message StreamThingsRequest { int32 chunk_size = 1; string resume_token = 2; string filter = 3; string order_by = 4; }
message StreamThingsResponse { repeated Thing things = 1; string resume_token = 2; }
message GetPartRequest { string name = 1; }
message ListPartsRequest { string parent = 1; int32 page_size = 2; string page_token = 3; }
message ListPartsResponse { repeated Part parts = 1; string next_page_token = 2; }
message StreamPartsRequest { string parent = 1; int32 chunk_size = 2; string resume_token = 3; }
message StreamPartsResponse { repeated Part parts = 1; string resume_token = 2; }
message GetCodeRequest { string name = 1; }
message RaiseRequest { string state = 1; string said = 2; }
message DivideRequest { int32 n = 1; }
message HeldRequest { int64 n = 1; }
message LinesRequest { int32 count = 1; int32 width = 2; }
message Line { string line = 1; }
message LinesResponse { repeated Line lines = 1; }
message Number { int32 number = 1; }
"#;

/// A database of its own with the shop in it, and a server over it.
pub struct Shop {
    pub database: Database,
    pub client: Client,
    pub local: Local,
    pub contract: TempDir,
}

pub async fn shop(settings: &[(&str, &str)]) -> Shop {
    let database = database(EMPTY).await;
    database.execute(TABLES).await;
    open(database, settings).await
}

impl Shop {
    /// Makes its things more than a connection carries ahead of its reader: a stream of them is under way until it is read.
    pub async fn widen(&self) {
        self.database.execute("UPDATE thing SET title = repeat('x', 4000)").await;
    }
}

/// A server over a database that has the shop.
pub async fn open(database: Database, settings: &[(&str, &str)]) -> Shop {
    let contract = written(CONTRACT);
    let url = database.url.clone();
    let local = serve(contract.path().to_str().expect("UTF-8"), &url, settings).await;
    let client = local.client.clone();
    Shop { database, client, local, contract }
}

/// A folder with this contract.
pub fn written(contract: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("shop.proto"), contract).expect("written");
    folder
}
