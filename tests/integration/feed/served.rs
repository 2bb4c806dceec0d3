//! `rowcall serve` says how each table is followed, and goes on whatever becomes of it.

use super::shop::{contract, migrate, unfollowed};
use crate::support::Served;

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
    served.logged("nothing in this database tells of changes: run `rowcall migrate`", 1).await;
    migrate(&database.url, &[]).await;
    served.logged("changes are followed", 1).await;
    database.execute("ALTER TABLE item DISABLE TRIGGER ALL").await;
    served.logged("a trigger of Rowcall's does not always fire", 1).await;
}
