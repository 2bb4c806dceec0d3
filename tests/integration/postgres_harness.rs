//! The tests' own Postgres: a database per test, from a template.

use crate::support::{CHINOOK, EMPTY, database};

#[tokio::test]
async fn a_test_has_chinook_to_itself() {
    let (one, two) = tokio::join!(database(CHINOOK), database(CHINOOK));
    one.execute("DELETE FROM playlist_track").await;
    let count = |rows: Vec<tokio_postgres::Row>| rows[0].get::<_, i64>(0);
    let sql = "SELECT count(*) FROM playlist_track";
    assert_eq!(count(one.client().await.query(sql, &[]).await.unwrap()), 0);
    assert_eq!(count(two.client().await.query(sql, &[]).await.unwrap()), 8715);
}

#[tokio::test]
async fn an_empty_database_is_empty() {
    let database = database(EMPTY).await;
    let client = database.client().await;
    let rows = client.query("SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace", &[]).await;
    assert!(rows.unwrap().is_empty());
}
