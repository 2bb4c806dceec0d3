//! Every row of every table, by every way to read it, beside what Postgres says through SQL text.

mod expected;
mod tables;
mod ways;

use crate::support::{CHINOOK_CONTRACT, CHINOOK_PLAIN_CONTRACT, Client, Database, Pooler, database, serve};
use tables::{BY_KEY, BY_NAME, Table};

const STORE: &[&str] = &["shared:data/chinook/chinook.sql", "tests/contracts/chinook/functions.sql"];

/// All of Chinook's rows.
const ROWS: usize = 15_607;

/// Walks all tables by all ways; answers how many rows the tables have.
async fn walk(client: &Client, database: &Database, tables: &[Table]) -> usize {
    let postgres = database.client().await;
    let mut walked = 0;
    for table in tables {
        walked += ways::list(client, &postgres, table).await;
        ways::stream(client, &postgres, table).await;
        ways::get(client, &postgres, table).await;
        ways::batch_get(client, &postgres, table).await;
    }
    walked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_is_what_postgres_says() {
    let database = database(STORE).await;
    let local = serve(CHINOOK_CONTRACT, &database.url, &[]).await;
    assert_eq!(walk(&local.client, &database, BY_NAME).await, ROWS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_is_what_postgres_says_by_plain_keys() {
    let database = database(STORE).await;
    let local = serve(CHINOOK_PLAIN_CONTRACT, &database.url, &[]).await;
    assert_eq!(walk(&local.client, &database, BY_KEY).await, 347 + 8 + 8715 + 3503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_on_one_old_transaction_pooler_answer_every_row() {
    let database = database(STORE).await;
    // Fewer servers than either instance has connections: every statement may land on another's.
    let pooler = Pooler::start(4);
    let settings = [("postgres.pooler", "transaction"), ("postgres.connections_max", "8")];
    let url = pooler.url(&database);
    let (one, other) = (
        serve(CHINOOK_CONTRACT, &url, &settings).await,
        serve(CHINOOK_PLAIN_CONTRACT, &url, &settings).await,
    );
    let (by_name, by_key) =
        tokio::join!(walk(&one.client, &database, BY_NAME), walk(&other.client, &database, BY_KEY));
    assert_eq!((by_name, by_key), (ROWS, 347 + 8 + 8715 + 3503));
}
