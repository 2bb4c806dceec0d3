//! DDL under load, each with its undoing. What is sent again has no effect, so that a statement whose
//! end nobody heard of is sent again.

use std::time::Duration;

use tokio::time::sleep;

use super::site::Site;
use crate::torture::world::{items, ships};

pub async fn revoke(site: &Site, hold: Duration) {
    site.insist("REVOKE SELECT ON item FROM reader").await;
    sleep(hold).await;
    site.insist("GRANT SELECT ON item TO reader").await;
    site.reload();
}

pub async fn add_column(site: &Site, hold: Duration) {
    site.insist("ALTER TABLE item ADD COLUMN IF NOT EXISTS added int DEFAULT 7").await;
    sleep(hold).await;
    site.insist("ALTER TABLE item DROP COLUMN IF EXISTS added").await;
}

pub async fn rename_column(site: &Site, hold: Duration) {
    site.insist(&rename("note", "remark")).await;
    sleep(hold).await;
    site.insist(&rename("remark", "note")).await;
    site.reload();
}

/// Every row is written anew.
pub async fn retype_column(site: &Site, hold: Duration) {
    site.insist("ALTER TABLE item ALTER rank TYPE bigint").await;
    sleep(hold).await;
    site.insist("ALTER TABLE item ALTER rank TYPE int").await;
}

/// A table is emptied and has all its rows again, in one transaction.
pub async fn refill_table(site: &Site) {
    site.insist(
        "BEGIN; LOCK TABLE entry; CREATE TEMP TABLE kept ON COMMIT DROP AS TABLE entry;
         TRUNCATE entry; INSERT INTO entry TABLE kept; COMMIT",
    )
    .await;
}

/// It is back with all its rows at once, and nobody tells Rowcall.
pub async fn drop_table(site: &Site, hold: Duration) {
    site.insist("DROP TABLE IF EXISTS item").await;
    sleep(hold).await;
    site.insist(&format!("BEGIN; {} COMMIT", items::sql())).await;
}

pub async fn remake_index(site: &Site, hold: Duration) {
    site.insist("DROP INDEX IF EXISTS item_rank").await;
    sleep(hold).await;
    site.insist("CREATE INDEX IF NOT EXISTS item_rank ON item (rank)").await;
}

/// Its columns change places, and their names stay with them.
pub async fn remake_view(site: &Site, hold: Duration) {
    let view = |columns: &str| {
        format!(
            "BEGIN; DROP VIEW IF EXISTS seen_maker; CREATE VIEW seen_maker AS SELECT {columns} FROM maker; COMMIT"
        )
    };
    site.insist(&view("title, maker_id")).await;
    sleep(hold).await;
    site.insist(&view("maker_id, title")).await;
}

/// There and back.
pub async fn swap_columns(site: &Site, hold: Duration) {
    let window = &site.world.ships.swaps;
    for _ in 0..2 {
        let next = window.committed() + 1;
        window.begin(next);
        site.insist(&ships::swap(next)).await;
        window.commit(next);
        sleep(hold / 2).await;
    }
}

fn rename(from: &str, to: &str) -> String {
    format!(
        "DO $$ BEGIN
             IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'item'::regclass AND attname = '{from}') THEN
                 ALTER TABLE item RENAME {from} TO {to};
             END IF;
         END $$"
    )
}
