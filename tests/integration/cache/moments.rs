//! The hard moments, made deterministic, with a real primary and a real streaming standby.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_postgres::Client as Plain;

use super::stock::{LONG, PATIENT, Stock, from, migrate, plain, title, token};
use crate::support::{Answer, Cluster};

pub const DATABASE: &str = "stock";

pub struct Pair {
    pub primary: Cluster,
    pub standby: Cluster,
}

impl Pair {
    pub async fn start() -> Pair {
        let made = tokio::task::spawn_blocking(|| {
            let primary = Cluster::start(&["max_prepared_transactions = 4", "synchronous_commit = on"]);
            primary.psql("postgres", &["-c", &format!("CREATE DATABASE {DATABASE}")]);
            primary.psql(DATABASE, &["-f", super::stock::SQL]);
            let standby = primary.standby();
            Pair { primary, standby }
        });
        let pair = made.await.expect("Postgres starts");
        migrate(&pair.primary.url(DATABASE)).await;
        pair
    }

    pub fn url(&self) -> String {
        self.primary.url(DATABASE)
    }

    /// A server that reads at the standby where it may.
    async fn serve(&self) -> Stock {
        let standby = self.standby.url(DATABASE);
        Stock::at(&self.url(), &[("replicas.urls", &standby)]).await
    }

    async fn sql(&self) -> Plain {
        plain(&self.url()).await
    }

    /// Waits until the standby says so.
    async fn shown(&self, sql: &str) {
        let standby = plain(&self.standby.url(DATABASE)).await;
        let asked = async { while !standby.query_one(sql, &[]).await.expect("SQL").get::<_, bool>(0) {} };
        timeout(LONG, asked).await.unwrap_or_else(|_| panic!("never true at the standby: {sql}"));
    }

    /// COMMITs are in the WAL, and at the standby, and not visible at the primary, until they are let go.
    async fn hold_commits(&self, sql: &Plain) {
        let probe = self.sql().await;
        probe.batch_execute("CREATE TABLE probe (number int4)").await.expect("SQL");
        let id: i32 = probe.query_one("SELECT pg_backend_pid()", &[]).await.expect("SQL").get(0);
        sql.batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await.expect("SQL");
        sql.batch_execute("SELECT pg_reload_conf()").await.expect("SQL");
        // It takes effect for all when the checkpointer has read it: commits are made until one is held, and that one is let go.
        let probing = tokio::spawn(async move {
            while probe.batch_execute("INSERT INTO probe VALUES (1)").await.is_ok() {}
        });
        let held = "SELECT coalesce(wait_event = 'SyncRep', false) FROM pg_stat_activity WHERE pid = ";
        until(sql, &format!("{held}{id}")).await;
        sql.execute("SELECT pg_terminate_backend($1)", &[&id]).await.expect("SQL");
        probing.await.expect("it ends with its session");
    }

    async fn let_commits_go(&self, sql: &Plain) {
        sql.batch_execute("ALTER SYSTEM RESET synchronous_standby_names").await.expect("SQL");
        sql.batch_execute("SELECT pg_reload_conf()").await.expect("SQL");
    }
}

pub async fn until(sql: &Plain, question: &str) {
    let asked = async { while !sql.query_one(question, &[]).await.expect("SQL").get::<_, bool>(0) {} };
    timeout(LONG, asked).await.unwrap_or_else(|_| panic!("never true: {question}"));
}

/// What the standby answers to a question that nobody has asked before, and the question: the first rows of the shelf where
/// the second item is, which is the first there.
async fn at_standby(stock: &Stock) -> (Value, Answer) {
    let late = Instant::now() + LONG;
    for other in 0.. {
        let filter = format!("shelf = 3 AND title != \"{other}\"");
        let request = json!({"page_size": 4, "filter": filter});
        let got = stock.call("ListItems", request.clone()).await;
        if got.said("rowcall-cache") == Some("miss; from=standby") {
            return (request, got);
        }
        assert!(Instant::now() < late, "the standby never answers: {:?}", got.metadata);
    }
    unreachable!("the numbers are many")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_held_invisible_is_shown_to_whoever_has_seen_it_and_to_all_once_it_is_acknowledged()
{
    let pair = Pair::start().await;
    let stock = pair.serve().await;
    let (writer, other) = (pair.sql().await, pair.sql().await);
    stock.kept("GetItem", json!({"name": "items/2"})).await;
    pair.hold_commits(&other).await;
    let held = tokio::spawn(async move {
        writer
            .batch_execute("UPDATE item SET title = 'held' WHERE id = 2")
            .await
            .expect("it commits at last");
        Instant::now()
    });
    pair.shown("SELECT title = 'held' FROM item WHERE id = 2").await;
    let primary = other.query_one("SELECT title FROM item WHERE id = 2", &[]).await.expect("SQL");
    assert_eq!(primary.get::<_, &str>(0), "item 2", "it is in the WAL, and not visible where it was written");
    // Whoever reads it at the standby has seen it.
    let (_, seen) = at_standby(&stock).await;
    assert_eq!(seen.json()["items"][0]["title"], "held");
    let token = token(&seen);
    let within = [("rowcall-token", token.as_str()), ("grpc-timeout", "500m")];
    match stock.get("items/2", &within).await {
        Ok(got) => assert_eq!(title(&got), "held", "never older than the token"),
        Err(failure) => assert_eq!(failure.reason, "DEADLINE_PASSED", "or an error within the deadline"),
    }
    pair.let_commits_go(&other).await;
    let acknowledged = held.await.expect("no panic");
    stock
        .promised(acknowledged, "GetItem", json!({"name": "items/2"}), |got| {
            got.as_ref().is_ok_and(|got| title(got) == "held")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_id_that_commits_late_is_heard_of() {
    let pair = Pair::start().await;
    let stock = pair.serve().await;
    let (old, other) = (pair.sql().await, pair.sql().await);
    old.batch_execute("BEGIN; UPDATE item SET title = 'late' WHERE id = 2").await.expect("SQL");
    for _ in 0..20 {
        other.batch_execute("UPDATE item SET title = title || '.' WHERE id = 3").await.expect("SQL");
    }
    // Polls have gone past its id.
    stock
        .until("GetItem", json!({"name": "items/3"}), |got| {
            got.as_ref().is_ok_and(|got| title(got).ends_with(&".".repeat(20)))
        })
        .await;
    let before = stock.kept("GetItem", json!({"name": "items/2"})).await;
    assert_eq!(title(&before), "item 2");
    old.batch_execute("COMMIT").await.expect("SQL");
    let acknowledged = Instant::now();
    stock
        .promised(acknowledged, "GetItem", json!({"name": "items/2"}), |got| {
            got.as_ref().is_ok_and(|got| title(got) == "late")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standbys_empty_list_is_not_taken_at_its_word() {
    let pair = Pair::start().await;
    let stock = pair.serve().await;
    let (old, other) = (pair.sql().await, pair.sql().await);
    old.batch_execute("BEGIN; UPDATE item SET title = 'late' WHERE id = 2").await.expect("SQL");
    let late = old.query_one("SELECT pg_current_xact_id()::text", &[]).await.expect("SQL");
    // On another shelf: of a shelf that changes the standby can prove nothing while an older transaction is under way.
    other.batch_execute("UPDATE item SET title = 'marker' WHERE id = 3").await.expect("SQL");
    pair.shown("SELECT title = 'marker' FROM item WHERE id = 3").await;
    // By the standby's snapshot the transaction in progress is one of the past.
    let past = format!("SELECT pg_visible_in_snapshot('{}', pg_current_snapshot())", late.get::<_, &str>(0));
    pair.shown(&past).await;
    let (request, before) = at_standby(&stock).await;
    assert_eq!(before.json()["items"][0]["title"], "item 2");
    old.batch_execute("COMMIT").await.expect("SQL");
    let acknowledged = Instant::now();
    stock
        .promised(acknowledged, "ListItems", request, |got| {
            got.as_ref().is_ok_and(|got| got.json()["items"][0]["title"] == "late")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_straddles_a_change_is_not_served_after_it() {
    let pair = Pair::start().await;
    let sql = pair.sql().await;
    // Enough to look through for a change to be made, and heard of, meanwhile.
    sql.batch_execute(
        "INSERT INTO item SELECT n, 'item ' || n || repeat('x', 100), 1 FROM generate_series(1000, 900000) n",
    )
    .await
    .expect("SQL");
    let stock = Stock::at(&pair.url(), PATIENT).await;
    let request = json!({"page_size": 5, "filter": "title = \"*needle*\""});
    let reading = {
        let (client, request) = (stock.client().clone(), request.clone());
        tokio::spawn(async move { client.call("ListItems", request).await })
    };
    until(
        &sql,
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'rowcall' AND state = 'active' AND datname = current_database() \
         AND query LIKE '%LIKE%')",
    )
    .await;
    sql.batch_execute("UPDATE item SET title = 'needle' WHERE id = 2").await.expect("SQL");
    let acknowledged = Instant::now();
    // Heard of, while the reading is still under way.
    stock
        .until("GetItem", json!({"name": "items/2"}), |got| {
            got.as_ref().is_ok_and(|got| title(got) == "needle")
        })
        .await;
    let straddled = reading.await.expect("no panic").expect("it answers");
    assert!(straddled.json().get("items").is_none(), "its snapshot was from before the change");
    stock
        .until("ListItems", request, |got| {
            got.as_ref().is_ok_and(|got| got.json()["items"][0]["title"] == "needle")
        })
        .await;
    assert!(acknowledged.elapsed() < LONG && from(&straddled) == "miss");
}
