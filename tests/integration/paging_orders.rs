//! Pages in every awkward order: put together they are the whole list, in the order SQL has.

use serde_json::json;

use crate::errors_shop::written;
use crate::support::{Client, EMPTY, database, serve};

const TABLES: &str = r#"
    CREATE EXTENSION citext;
    CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE COLLATION english (provider = icu, locale = 'en');
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'very happy');
    CREATE DOMAIN word AS text CHECK (VALUE <> '');
    CREATE TABLE owner (owner_id int PRIMARY KEY, title text, deleted_at timestamptz);
    INSERT INTO owner (owner_id, title) VALUES (1, 'Zoe'), (2, 'adam'), (3, NULL), (4, 'Zoe');
    UPDATE owner SET deleted_at = '2020-01-01Z' WHERE owner_id = 4;
    CREATE TABLE odd (
        odd_id int PRIMARY KEY, owner_id int REFERENCES owner, folded text COLLATE folded, binary_text text COLLATE "C",
        english text COLLATE english, plain text, padded char(4), handle citext, amount numeric, ratio float8,
        small float4, at timestamptz, day date, fingerprint uuid, mood mood, word word, flag boolean, tags text[],
        span int4range, address inet, pause interval, starts time, status text NOT NULL, payload bytea);
    INSERT INTO odd
    SELECT n, (ARRAY[1, 2, 3, NULL, 4])[1 + n % 5],
        (ARRAY['foo', 'Foo', 'bar', NULL, 'FOO', 'Bär', 'bar'])[1 + n % 7],
        (ARRAY['a', 'B', NULL, 'b', 'ä', 'A', ''])[1 + n % 7],
        (ARRAY['a', 'B', NULL, 'b', 'ä', 'A', ''])[1 + n % 7],
        (ARRAY['a', 'B', NULL, 'b', 'ä', 'A', ''])[1 + n % 7],
        (ARRAY['a', 'a  ', NULL, 'ab', '', 'b'])[1 + n % 6],
        (ARRAY['a', 'A', NULL, 'b', 'B', 'c'])[1 + n % 6]::citext,
        (ARRAY['NaN', '1.5', '1.50', NULL, '-Infinity', 'Infinity', '-0.1', '99999999999999999999.1'])[1 + n % 8]::numeric,
        (ARRAY['NaN', '-0', '0', NULL, '-Infinity', 'Infinity', '1e-300'])[1 + n % 7]::float8,
        (ARRAY['NaN', '-0', '0', NULL, '-Infinity', 'Infinity', '0.1'])[1 + n % 7]::float4,
        (ARRAY['infinity', '-infinity', NULL, '2020-01-01Z', '2020-01-01 00:00:00.000001Z', '4000-01-01 BC'])[1 + n % 6]::timestamptz,
        (ARRAY['infinity', '-infinity', NULL, '2020-01-01', '4000-01-01 BC'])[1 + n % 5]::date,
        (ARRAY['00000000-0000-0000-0000-000000000001', NULL, 'ffffffff-0000-0000-0000-000000000000'])[1 + n % 3]::uuid,
        (ARRAY['very happy', 'sad', NULL, 'ok'])[1 + n % 4]::mood,
        (ARRAY['x', 'y', NULL])[1 + n % 3]::word,
        (ARRAY[true, false, NULL])[1 + n % 3],
        (ARRAY['{}', '{a,b}', NULL, '{a,NULL}', '{b}'])[1 + n % 5]::text[],
        (ARRAY['empty', '[1,5)', NULL, '(,3)', '[1,)'])[1 + n % 5]::int4range,
        (ARRAY['10.0.0.1', '10.0.0.0/8', NULL, '::1'])[1 + n % 4]::inet,
        (ARRAY['1 month', '30 days', NULL, '-1 day', '720 hours'])[1 + n % 5]::interval,
        (ARRAY['24:00', '00:00', NULL, '12:30'])[1 + n % 4]::time,
        (ARRAY['new', 'old'])[1 + n % 2],
        (ARRAY['\x', '\x00', NULL, '\xff'])[1 + n % 4]::bytea
    FROM generate_series(1, 41) AS n;
    CREATE TABLE pair (hall text COLLATE folded, number int, mood mood, note text, PRIMARY KEY (hall, number, mood));
    INSERT INTO pair SELECT h, n, m, (ARRAY['x', NULL])[1 + n % 2]
        FROM unnest(ARRAY['a', 'B', 'c/ d']) AS h, generate_series(-1, 2) AS n, unnest(enum_range(NULL::mood)) AS m;
"#;

const CONTRACT: &str = r#"syntax = "proto3";
package odd.v1;
import "google/api/resource.proto";
import "google/protobuf/field_mask.proto";
import "rowcall/v1/options.proto";
service Odds {
  rpc ListOdds(ListOddsRequest) returns (ListOddsResponse);
  rpc StreamOdds(StreamOddsRequest) returns (stream StreamOddsResponse);
  rpc ListPairs(ListPairsRequest) returns (ListPairsResponse);
}
message Owner {
  option (rowcall.v1.table) = { soft_delete: "deleted_at" };
  int32 owner_id = 1;
  optional string title = 2;
}
message Odd {
  option (google.api.resource) = { type: "odd/Odd" pattern: "odds/{odd}" plural: "odds" singular: "odd" };
  option (rowcall.v1.table) = { name: "odd" };
  string name = 1;
  optional string folded = 2;
  optional string binary_text = 3;
  optional string english = 4;
  optional string plain = 5;
  optional string padded = 6;
  optional string handle = 7;
  optional string amount = 8;
  optional double ratio = 9;
  optional float small = 10;
  optional string at = 11;
  optional string day = 12;
  optional string fingerprint = 13;
  optional string mood = 14;
  optional string word = 15;
  optional bool flag = 16;
  repeated string tags = 17;
  optional string span = 18;
  optional string address = 19;
  optional string pause = 20;
  optional string starts = 21;
  string status = 22;
  optional bytes payload = 23;
  Owner owner = 24;
}
message Pair {
  option (google.api.resource) = { type: "odd/Pair" pattern: "halls/{hall}/pairs/{number}/{mood}" plural: "pairs" singular: "pair" };
  option (rowcall.v1.table) = { name: "pair" };
  string name = 1;
  optional string note = 2;
  int32 number = 3;
}
message ListOddsRequest { int32 page_size = 1; string page_token = 2; string order_by = 3; google.protobuf.FieldMask read_mask = 4; }
message ListOddsResponse { repeated Odd rows = 1; string next_page_token = 2; }
message StreamOddsRequest { int32 chunk_size = 1; string resume_token = 2; string order_by = 3; google.protobuf.FieldMask read_mask = 4; }
message StreamOddsResponse { repeated Odd rows = 1; string resume_token = 2; }
message ListPairsRequest { int32 page_size = 1; string page_token = 2; string order_by = 3; }
message ListPairsResponse { repeated Pair rows = 1; string next_page_token = 2; }
"#;

/// Orders of odds, and the same in SQL where they are not the same words.
const ORDERS: &[(&str, &str)] = &[
    ("", "odd_id"),
    ("name desc", "odd_id DESC"),
    ("status, name desc", "status, odd_id DESC"),
    ("status desc, name", "status DESC, odd_id"),
    ("folded", "folded, odd_id"),
    ("folded desc, name", "folded DESC, odd_id"),
    ("folded, plain desc, flag", "folded, plain DESC, flag, odd_id"),
    ("binary_text, english desc", "binary_text, english DESC, odd_id DESC"),
    ("english", "english, odd_id"),
    ("plain desc", "plain DESC, odd_id DESC"),
    ("padded, name desc", "padded, odd_id DESC"),
    ("handle desc, name", "handle DESC, odd_id"),
    ("amount", "amount, odd_id"),
    ("amount desc, mood", "amount DESC, mood, odd_id"),
    ("ratio", "ratio, odd_id"),
    ("ratio desc, small", "ratio DESC, small, odd_id"),
    ("small desc", "small DESC, odd_id DESC"),
    ("at", "at, odd_id"),
    ("at desc, day", "at DESC, day, odd_id"),
    ("fingerprint, name desc", "fingerprint, odd_id DESC"),
    ("mood", "mood, odd_id"),
    ("mood desc, word, flag desc", "mood DESC, word, flag DESC, odd_id DESC"),
    ("word desc, name", "word DESC, odd_id"),
    ("flag, tags desc", "flag, tags DESC, odd_id DESC"),
    ("span, name desc", "span, odd_id DESC"),
    ("address desc", "address DESC, odd_id DESC"),
    ("pause, starts desc", "pause, starts DESC, odd_id DESC"),
    ("payload, name desc", "payload, odd_id DESC"),
    ("owner.title", "w.title, odd_id"),
    ("owner.title desc, plain", "w.title DESC, plain, odd_id"),
    ("plain, owner.owner_id desc", "plain, w.owner_id DESC, odd_id DESC"),
    ("status, flag desc, mood, amount desc", "status, flag DESC, mood, amount DESC, odd_id DESC"),
];

const SIZES: [usize; 4] = [1, 2, 3, 7];

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_size_are_the_whole_list_in_sql_order() {
    let database = database(EMPTY).await;
    database.execute(TABLES).await;
    let contract = written(CONTRACT);
    let local = serve(contract.path().to_str().expect("UTF-8"), &database.url, &[]).await;
    let sql = database.client().await;
    for (order, terms) in ORDERS {
        let query = format!(
            "SELECT 'odds/' || odd_id FROM odd LEFT JOIN owner w ON w.owner_id = odd.owner_id AND w.deleted_at IS NULL \
             ORDER BY {terms}"
        );
        let rows = sql.query(&query, &[]).await.expect("the test's own SQL");
        let expected: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        for size in SIZES {
            assert_eq!(pages(&local.client, "ListOdds", order, size).await, expected, "{order:?} by {size}");
        }
        assert_eq!(chunks(&local.client, order, 3, 4).await, expected, "{order:?}, streamed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn composite_keys_page_too() {
    let database = database(EMPTY).await;
    database.execute(TABLES).await;
    let contract = written(CONTRACT);
    let local = serve(contract.path().to_str().expect("UTF-8"), &database.url, &[]).await;
    let sql = database.client().await;
    for (order, terms) in [
        ("", "hall, number, mood"),
        ("name desc", "hall DESC, number DESC, mood DESC"),
        ("note", "note, hall, number, mood"),
        ("note desc, number", "note DESC, number, hall, mood"),
        ("number desc, note", "number DESC, note, hall, mood"),
    ] {
        let query = format!("SELECT hall, number, mood::text AS label FROM pair ORDER BY {terms}");
        let rows = sql.query(&query, &[]).await.expect("the test's own SQL");
        let name = |row: &tokio_postgres::Row| {
            let encoded = |text: String| text.replace('/', "%2F").replace(' ', "%20");
            let (hall, number, mood): (String, i32, String) = (row.get(0), row.get(1), row.get(2));
            format!("halls/{}/pairs/{number}/{}", encoded(hall), encoded(mood))
        };
        let expected: Vec<String> = rows.iter().map(name).collect();
        for size in SIZES {
            assert_eq!(pages(&local.client, "ListPairs", order, size).await, expected, "{order:?} by {size}");
        }
    }
}

async fn pages(client: &Client, method: &str, order: &str, size: usize) -> Vec<String> {
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let mut request = json!({"page_size": size, "page_token": token, "order_by": order});
        if method == "ListOdds" {
            request["read_mask"] = json!("name");
        }
        let page =
            client.call(method, request).await.unwrap_or_else(|f| panic!("{order}: {}", f.message)).json();
        let before = names.len();
        names.extend(names_of(&page));
        token = page["next_page_token"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            return names;
        }
        assert_eq!(names.len() - before, size, "a page that is not the last is full");
    }
}

/// By Stream, left and resumed every few chunks.
async fn chunks(client: &Client, order: &str, size: usize, at_once: usize) -> Vec<String> {
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let request =
            json!({"chunk_size": size, "resume_token": token, "order_by": order, "read_mask": "name"});
        let mut stream =
            client.stream("StreamOdds", request).await.unwrap_or_else(|f| panic!("{order}: {}", f.message));
        for _ in 0..at_once {
            let Some(chunk) = stream.next().await.expect("a chunk") else { return names };
            let chunk = crate::support::json(&chunk);
            names.extend(names_of(&chunk));
            token = chunk["resume_token"].as_str().expect("a token").to_owned();
        }
    }
}

fn names_of(message: &serde_json::Value) -> Vec<String> {
    let rows = message["rows"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}
