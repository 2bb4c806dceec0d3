//! Tables change under load: never a wrong column, soon right again, and nobody else notices.

use std::time::Instant;

use super::shop::{Loaded, Own};
use crate::errors_shop::CONTRACT;

const CHANGED: &[&str] = &["CATALOG_CHANGED"];

/// The load compares every answer; what reads another table never fails.
async fn changes(own: &Own, loaded: &Loaded, sql: &str, allowed: &[&str]) {
    let fault = Instant::now();
    own.execute(sql).await;
    let back = Instant::now();
    loaded.load.successes(100).await;
    loaded.recovers(fault, back, allowed).await;
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
    loaded.load.failures(fault, 600).await;
    let unfit = |failed: &Option<String>| failed.as_deref() == Some("RESOURCE_UNFIT");
    assert!(loaded.load.since(fault).iter().any(|seen| unfit(&seen.failed)), "{}", loaded.load.told(fault));
    own.execute(&format!("BEGIN; {TURNED} COMMIT")).await;
    loaded.recovers(fault, Instant::now(), &["CATALOG_CHANGED", "RESOURCE_UNFIT"]).await;
    loaded.load.unaffected(fault, "GetPart");
    loaded.end(&own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_column_is_unfit_until_it_is_back() {
    let own = Own::start(&[]).await;
    let loaded = Loaded::start(&own.url()).await;
    let fault = Instant::now();
    own.execute("ALTER TABLE thing RENAME title TO away").await;
    loaded.load.failures(fault, 400).await;
    own.execute("ALTER TABLE thing RENAME away TO title").await;
    loaded.recovers(fault, Instant::now(), &["CATALOG_CHANGED", "RESOURCE_UNFIT"]).await;
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
