//! `rowcall serve` says how each table is followed, and goes on whatever becomes of it.

use std::time::{Duration, Instant};

use super::shop::{contract, migrate, unfollowed};
use crate::support::Served;

async fn until_logged(served: &Served, text: &str) {
    let late = Instant::now() + Duration::from_secs(20);
    while !served.log().contains(text) {
        assert!(Instant::now() < late, "never said {text:?}:\n{}", served.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_log_says_how_tables_are_followed() {
    let database = unfollowed().await;
    let path = contract();
    let url = database.url.clone();
    let served = tokio::task::spawn_blocking(move || {
        Served::start(&["--contract", path.to_str().expect("UTF-8"), "--database", &url])
    })
    .await
    .expect("it starts");
    until_logged(&served, "nothing in this database tells of changes: run `rowcall migrate`").await;
    migrate(&database.url, &[]).await;
    until_logged(&served, "changes are followed").await;
    database.execute("ALTER TABLE item DISABLE TRIGGER ALL").await;
    until_logged(&served, "a trigger of Rowcall's does not always fire").await;
}
