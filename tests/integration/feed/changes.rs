//! Every kind of change reaches the answers it touches, and no others.

use rowcall::feed::{Mode, Why};

use super::shop::{Kept, Shop, connect};

/// Answers of every kind, read now.
async fn everything(shop: &Shop) -> Vec<Kept> {
    vec![
        shop.get("item 1", "Item", 1).await,
        shop.get("item 2", "Item", 2).await,
        shop.get("item 999", "Item", 999).await,
        shop.list("items", "Item").await,
        shop.part("shelf 1", "Item", 1).await,
        shop.part("shelf 2", "Item", 2).await,
        shop.part("shelf 3", "Item", 3).await,
        shop.list("titled", "Titled").await,
        shop.list("shelves", "Shelf").await,
        shop.list("lines", "Line").await,
        shop.list("events", "Event").await,
        shop.part("day 3", "Event", 3).await,
        shop.part("day 4", "Event", 4).await,
        shop.part("day 14", "Event", 14).await,
        shop.get("cat", "Animal", 1).await,
        shop.get("rex", "Animal", 2).await,
    ]
}

/// Item 1 is on shelf 2, item 2 on shelf 3, item 3 on shelf 1. Each line: what is done, and what that makes stale.
const CHANGES: &[(&str, &[&str])] = &[
    ("UPDATE item SET title = 'new' WHERE id = 1", &["item 1", "items", "shelf 2", "titled"]),
    ("UPDATE item SET shelf = 1 WHERE id = 1", &["item 1", "items", "shelf 1", "shelf 2", "titled"]),
    ("UPDATE item SET shelf = NULL WHERE id = 2", &["item 2", "items", "shelf 3", "titled"]),
    ("INSERT INTO item VALUES (999, 3, 'new')", &["item 999", "items", "shelf 3", "titled"]),
    ("DELETE FROM item WHERE id = 300", &["items", "shelf 1", "titled"]),
    ("UPDATE item SET id = 999 WHERE id = 300", &["item 999", "items", "shelf 1", "titled"]),
    ("UPDATE item SET title = title WHERE false", &[]),
    ("DELETE FROM item WHERE id = -1", &[]),
    ("INSERT INTO item SELECT 1, 1, '' WHERE false", &[]),
    (
        "UPDATE item SET title = title WHERE id BETWEEN 100 AND 250",
        &["item 1", "item 2", "item 999", "items", "shelf 1", "shelf 2", "shelf 3", "titled"],
    ),
    ("UPDATE item SET title = title WHERE id % 3 = 0 AND id > 200", &["items", "shelf 1", "titled"]),
    ("TRUNCATE line", &["lines"]),
    (
        "TRUNCATE shelf CASCADE",
        &[
            "item 1", "item 2", "item 999", "items", "shelf 1", "shelf 2", "shelf 3", "titled", "shelves",
            "lines",
        ],
    ),
    // To items, and through them to lines.
    ("DELETE FROM item WHERE id = 2", &["item 2", "items", "shelf 3", "titled", "lines"]),
    (
        "INSERT INTO item VALUES (1, 3, 'x') ON CONFLICT (id) DO UPDATE SET shelf = excluded.shelf",
        &["item 1", "items", "shelf 2", "shelf 3", "titled"],
    ),
    ("INSERT INTO item VALUES (1, 3, 'x') ON CONFLICT DO NOTHING", &[]),
    (
        "MERGE INTO item i USING (VALUES (1, 'm'), (999, 'n')) v (id, title) ON i.id = v.id \
         WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (v.id, 2, v.title)",
        &["item 1", "item 999", "items", "shelf 2", "titled", "lines"],
    ),
    (
        "WITH gone AS (DELETE FROM line WHERE item = 20 RETURNING item) \
         UPDATE shelf SET title = 'x' WHERE id IN (SELECT 1 FROM gone)",
        &["shelves", "lines"],
    ),
    ("BEGIN; UPDATE item SET title = 'lost' WHERE id = 1; ROLLBACK", &[]),
    (
        "BEGIN; SAVEPOINT a; UPDATE item SET title = 'lost' WHERE id = 1; ROLLBACK TO a; \
         SAVEPOINT b; UPDATE item SET title = 'kept' WHERE id = 2; RELEASE b; COMMIT",
        &["item 2", "items", "shelf 3", "titled"],
    ),
    (
        "SET session_replication_role = replica; UPDATE item SET title = 'x' WHERE id = 1; RESET session_replication_role",
        &["item 1", "items", "shelf 2", "titled"],
    ),
    ("UPDATE event SET note = 'x' WHERE day = 3 AND id = 3", &["events", "day 3"]),
    ("UPDATE event_1 SET note = 'x' WHERE id = 4", &["events", "day 4"]),
    ("UPDATE event SET day = 14 WHERE day = 3 AND id = 3", &["events", "day 3", "day 14"]),
    ("INSERT INTO event_2 VALUES (70, 14, '')", &["events", "day 14"]),
    ("TRUNCATE event_2", &["events", "day 3", "day 4", "day 14"]),
    ("UPDATE animal SET name = name WHERE id = 2", &["rex"]),
    ("UPDATE dog SET bark = 'soft'", &["rex"]),
    ("UPDATE ONLY animal SET name = 'tom'", &["cat"]),
    (
        "CREATE FUNCTION touch() RETURNS void LANGUAGE sql AS 'UPDATE item SET title = title WHERE id = 1'; SELECT touch()",
        &["item 1", "items", "shelf 2", "titled"],
    ),
];

#[tokio::test]
async fn every_statement_touches_what_it_changes() {
    for (sql, expected) in CHANGES {
        let shop = Shop::open().await;
        let kept = everything(&shop).await;
        shop.client.batch_execute(sql).await.expect(sql);
        shop.heard().await;
        assert_eq!(shop.stale(&kept), *expected, "{sql}");
        // What is read now is fresh.
        let kept = everything(&shop).await;
        shop.heard().await;
        assert_eq!(shop.stale(&kept), [""; 0], "{sql}");
    }
}

#[tokio::test]
async fn rows_that_are_copied_in_are_told() {
    use futures_util::SinkExt as _;
    let shop = Shop::open().await;
    let kept = everything(&shop).await;
    let sink = shop.client.copy_in("COPY item FROM STDIN").await.expect("COPY begins");
    let mut sink = std::pin::pin!(sink);
    sink.send(bytes::Bytes::from_static(b"999\t3\tcopied\n")).await.expect("a row");
    sink.close().await.expect("COPY ends");
    shop.heard().await;
    assert_eq!(shop.stale(&kept), ["item 999", "items", "shelf 3", "titled"]);
}

#[tokio::test]
async fn a_key_of_several_columns_is_told() {
    let shop = Shop::open().await;
    let line = shop.resource("Line");
    let key = |item: i64, number: i32| {
        [item.to_be_bytes().to_vec().into(), bytes::Bytes::copy_from_slice(&number.to_be_bytes())]
    };
    let kept = [
        shop.keep("7/1", line.get_tags(&key(7, 1))).await,
        shop.keep("8/1", line.get_tags(&key(8, 1))).await,
        shop.keep("of 7", line.depends.parts[0].tags(&7i64.to_be_bytes())).await,
        shop.keep("of 8", line.depends.parts[0].tags(&8i64.to_be_bytes())).await,
    ];
    shop.client.execute("UPDATE line SET note = 'x' WHERE item = 7", &[]).await.expect("an update");
    shop.heard().await;
    assert_eq!(shop.stale(&kept), ["7/1", "of 7"]);
}

/// The renamed column is the key: by the old name no row can be told, and no writer may suffer for it.
#[tokio::test]
async fn what_cannot_be_told_by_row_is_told_as_any_and_fails_no_writer() {
    let shop = Shop::open().await;
    shop.client.batch_execute("ALTER TABLE shelf RENAME id TO number").await.expect("a rename");
    shop.reload().await;
    shop.until_untracked("shelf", Why::Outdated).await;
    let shelf = shop.oid("shelf").await;
    let kept = [
        shop.keep("row", rowcall::cache::Tag::of_get(shelf, &5i32.to_be_bytes())).await,
        shop.keep("all", rowcall::cache::Tag::of_list(shelf)).await,
    ];
    shop.client.batch_execute("UPDATE shelf SET title = 'x' WHERE number = 1").await.expect("an update");
    shop.heard().await;
    assert_eq!(shop.stale(&kept), ["row", "all"]);
}

#[tokio::test]
async fn a_writer_needs_no_right_but_its_own() {
    let shop = Shop::open().await;
    let role = format!("writer_{}", shop.oid("item").await);
    let grant = format!("CREATE ROLE {role} LOGIN; GRANT SELECT, UPDATE ON item TO {role}");
    shop.client.batch_execute(&grant).await.expect("a role");
    // Rights move their table, as all that is done to it does.
    shop.heard().await;
    let kept = everything(&shop).await;
    let writer = connect(&shop.url.replace("postgres@", &format!("{role}@"))).await;
    writer
        .batch_execute("SET search_path = pg_temp; UPDATE public.item SET title = 'x' WHERE id = 1")
        .await
        .expect("an update");
    assert!(writer.batch_execute("SELECT * FROM rowcall.change").await.is_err());
    shop.heard().await;
    assert_eq!(shop.stale(&kept), ["item 1", "items", "shelf 2", "titled"]);
    shop.until_mode("item", Mode::Tracked).await;
}

/// The function has its owner's rights: whatever it calls has to be Postgres' own.
#[tokio::test]
async fn a_writers_search_path_leads_the_trigger_nowhere() {
    let shop = Shop::open().await;
    let role = format!("stray_{}", shop.oid("item").await);
    shop.client
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN; CREATE SCHEMA AUTHORIZATION {role};
             GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON item, event, line, shelf TO {role}"
        ))
        .await
        .expect("a role");
    let writer = connect(&shop.url.replace("postgres@", &format!("{role}@"))).await;
    // As what the trigger asks for may be called, and nearer than what Postgres has by that name.
    let mut shadows = String::new();
    for function in
        ["boolsend(bool)", "int4send(int4)", "int8send(int8)", "octet_length(bytea)", "cardinality(anyarray)"]
    {
        shadows += &format!(
            "CREATE FUNCTION {role}.{function} RETURNS bytea LANGUAGE plpgsql AS $$ BEGIN RAISE 'astray'; END $$;"
        );
    }
    for (operator, left, right) in [
        ("||", "bytea", "bytea"),
        (">", "int4", "int4"),
        ("=", "text", "text"),
        ("=", "anyarray", "anyarray"),
        ("<>", "text", "text"),
    ] {
        let name = format!("astray_{}", shadows.len());
        shadows += &format!(
            "CREATE FUNCTION {role}.{name}({left}, {right}) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'astray'; END $$;
             CREATE OPERATOR {role}.{operator} (FUNCTION = {role}.{name}, LEFTARG = {left}, RIGHTARG = {right});"
        );
    }
    shadows += &format!(
        "CREATE FUNCTION {role}.pg_current_xact_id() RETURNS xid8 LANGUAGE plpgsql AS $$ BEGIN RAISE 'astray'; END $$;
         CREATE TABLE {role}.old_rows (id int8, shelf int4); CREATE TABLE {role}.new_rows (id int8, shelf int4);
         SET search_path = {role}, pg_catalog, public"
    );
    writer.batch_execute(&shadows).await.expect("a schema of its own");
    shop.heard().await;
    let kept = everything(&shop).await;
    writer
        .batch_execute("UPDATE item SET shelf = 1 WHERE id OPERATOR(pg_catalog.=) 1")
        .await
        .expect("an update");
    shop.heard().await;
    // By its row, so nothing failed either.
    assert_eq!(shop.stale(&kept), ["item 1", "items", "shelf 1", "shelf 2", "titled"]);
    let kept = everything(&shop).await;
    writer.batch_execute("DELETE FROM line WHERE item OPERATOR(pg_catalog.=) 1").await.expect("a deletion");
    writer.batch_execute("INSERT INTO item VALUES (999, 3, 'new')").await.expect("a row");
    writer.batch_execute("INSERT INTO event VALUES (1000, 3, 'new')").await.expect("a row");
    shop.heard().await;
    let stale = shop.stale(&kept);
    assert_eq!(stale, ["item 999", "items", "shelf 3", "titled", "lines", "events", "day 3"]);
    writer.batch_execute("RESET search_path; TRUNCATE item CASCADE").await.expect("none is left");
    shop.client.batch_execute(&format!("DROP OWNED BY {role} CASCADE")).await.expect("it goes");
}
