//! Tables change under load: never a wrong column, soon right again, and nobody else notices.

use std::time::Instant;

use serde_json::json;

use super::shop::{Loaded, Own};
use crate::errors_shop::{CONTRACT, written};
use crate::support::{EMPTY, database, serve};

const CHANGED: &[&str] = &["CATALOG_CHANGED"];
/// One reading of the catalog may be under way, and too early.
const READINGS: u32 = 2;
/// While something does not fit, a reading has a pause behind it that is five times as long.
const READINGS_UNFIT: u32 = 7;

/// The load compares every answer; what reads another table never fails.
async fn changes(own: &Own, loaded: &Loaded, sql: &str, allowed: &[&str]) {
    let fault = Instant::now();
    own.execute(sql).await;
    let back = Instant::now();
    loaded.load.successes(100).await;
    loaded.recovers_by_reading(own, (fault, back), READINGS, allowed).await;
    loaded.load.unaffected(fault, "GetPart");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_columns_are_read_as_what_they_are() {
    let own = Own::start(&[]).await;
    let loaded = Loaded::start(&own.url()).await;
    changes(&own, &loaded, "ALTER TABLE thing ADD COLUMN more text DEFAULT 'wrong'", &[]).await;
    changes(&own, &loaded, "ALTER TABLE thing DROP COLUMN more", &[]).await;
    changes(&own, &loaded, "ALTER TABLE thing ALTER thing_id TYPE bigint", CHANGED).await;
    changes(&own, &loaded, "ALTER TABLE thing ALTER title TYPE varchar(100)", CHANGED).await;
    let moved = "BEGIN; ALTER TABLE thing RENAME title TO spare; ALTER TABLE thing ADD COLUMN title text;
        UPDATE thing SET title = spare; UPDATE thing SET spare = 'wrong'; COMMIT";
    changes(&own, &loaded, moved, CHANGED).await;
    loaded.end(&own).await;
}

const TURNED: &str = "CREATE TABLE thing (picture bytea, more text DEFAULT 'wrong', sold_at timestamptz,
    maker_id int REFERENCES maker, title text NOT NULL, thing_id int PRIMARY KEY);
    INSERT INTO thing (thing_id, title) SELECT n, 'thing ' || n FROM generate_series(1, 2000) AS n;";

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_replaced_by_one_of_another_order_is_read_right() {
    let own = Own::start(&[]).await;
    let loaded = Loaded::start(&own.url()).await;
    let replace = format!("BEGIN; DROP TABLE thing CASCADE; {TURNED} COMMIT");
    changes(&own, &loaded, &replace, CHANGED).await;
    loaded.end(&own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_comes_back_is_served_again_unasked() {
    let own = Own::start(&[]).await;
    let loaded = Loaded::start(&own.url()).await;
    let fault = Instant::now();
    own.execute("DROP TABLE thing CASCADE").await;
    loaded.load.fails_by(fault, "RESOURCE_UNFIT").await;
    own.execute(&format!("BEGIN; {TURNED} COMMIT")).await;
    let allowed = &["CATALOG_CHANGED", "RESOURCE_UNFIT"];
    loaded.recovers_by_reading(&own, (fault, Instant::now()), READINGS_UNFIT, allowed).await;
    loaded.load.unaffected(fault, "GetPart");
    loaded.end(&own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_column_is_unfit_until_it_is_back() {
    let own = Own::start(&[]).await;
    let loaded = Loaded::start(&own.url()).await;
    let fault = Instant::now();
    own.execute("ALTER TABLE thing RENAME title TO away").await;
    loaded.load.fails_by(fault, "RESOURCE_UNFIT").await;
    own.execute("ALTER TABLE thing RENAME away TO title").await;
    let allowed = &["CATALOG_CHANGED", "RESOURCE_UNFIT"];
    loaded.recovers_by_reading(&own, (fault, Instant::now()), READINGS_UNFIT, allowed).await;
    loaded.load.unaffected(fault, "GetPart");
    loaded.end(&own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_of_several_names_is_renamed_under_load() {
    let own = Own::start(&[]).await;
    let several = CONTRACT.replace(
        "  string title = 2;\n  optional google",
        "  string title = 2 [(rowcall.v1.column) = { name: \"label\" name: \"title\" }];\n  optional google",
    );
    assert_ne!(several, CONTRACT);
    let loaded = Loaded::start_with(&own.url(), &several).await;
    changes(&own, &loaded, "ALTER TABLE thing RENAME title TO label", CHANGED).await;
    changes(&own, &loaded, "ALTER TABLE thing RENAME label TO title", CHANGED).await;
    loaded.end(&own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_is_added_reads_as_its_value_at_once() {
    let database = database(EMPTY).await;
    let tables = "CREATE TYPE mood AS ENUM ('calm'); CREATE TABLE day (day_id int PRIMARY KEY, mood mood);
        INSERT INTO day VALUES (1, 'calm'), (2, 'calm')";
    database.execute(tables).await;
    let contract = written(
        "syntax = \"proto3\"; package day.v1; import \"rowcall/v1/options.proto\";
        service Days { rpc GetDay(GetDayRequest) returns (Day); }
        message Day { option (rowcall.v1.table) = {}; int32 day_id = 1; optional Mood mood = 2; }
        message GetDayRequest { int32 day_id = 1; }
        enum Mood { MOOD_UNSPECIFIED = 0; MOOD_CALM = 1; MOOD_WILD = 2; }",
    );
    let local = serve(contract.path().to_str().expect("UTF-8"), &database.url, &[]).await;
    let mood = async |day: i32| {
        let answer = local.client.call("GetDay", json!({"day_id": day})).await.expect("it serves");
        answer.json()["mood"].as_str().map(str::to_owned)
    };
    for _ in 0..3 {
        assert_eq!(mood(2).await.as_deref(), Some("MOOD_CALM"));
    }
    database.execute("ALTER TYPE mood ADD VALUE 'wild'").await;
    database.execute("UPDATE day SET mood = 'wild' WHERE day_id = 2").await;
    assert_eq!(mood(2).await.as_deref(), Some("MOOD_WILD"));
    assert_eq!(mood(1).await.as_deref(), Some("MOOD_CALM"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_is_replaced_is_read_right() {
    let own = Own::start(&[]).await;
    own.execute("ALTER TABLE thing RENAME TO base; CREATE VIEW thing AS SELECT * FROM base").await;
    let keyed = CONTRACT
        .replace("filter_fields: \"title\" filter", "key: \"thing_id\" filter_fields: \"title\" filter");
    let keyed = keyed.replace("  Maker maker = 5;\n", "");
    let loaded = Loaded::start_with(&own.url(), &keyed).await;
    let wider = "CREATE OR REPLACE VIEW thing AS SELECT *, 'wrong' AS more FROM base";
    changes(&own, &loaded, wider, &[]).await;
    let turned = "BEGIN; DROP VIEW thing;
        CREATE VIEW thing AS SELECT 'wrong' AS more, picture, sold_at, title, thing_id FROM base; COMMIT";
    changes(&own, &loaded, turned, CHANGED).await;
    let retyped = "BEGIN; DROP VIEW thing;
        CREATE VIEW thing AS SELECT title::varchar(80), thing_id::bigint, picture, sold_at FROM base; COMMIT";
    changes(&own, &loaded, retyped, CHANGED).await;
    loaded.end(&own).await;
}
