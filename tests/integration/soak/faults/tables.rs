//! DDL under load.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::sleep;

use crate::soak::Soak;
use crate::soak::world::tables::{Cell, Table};
use crate::soak::writers;

/// With a column that nobody reads.
const TABLES: [Table; 6] = [Table::Plain, Table::Family, Table::Kin, Table::Item, Table::Parted, Table::Bulk];

/// Nobody waits for DDL for longer than this, and for whom it waits.
const LOCKED: &str = "SET lock_timeout = '1s';";

fn any(dice: &mut StdRng) -> Table {
    TABLES[dice.random_range(0..TABLES.len())]
}

pub async fn disable_triggers(soak: &Soak, hold: Duration, dice: &mut StdRng) {
    let table = any(dice);
    soak.site.insist(&disable(table)).await;
    sleep(hold).await;
    soak.site.insist(&enable(table)).await;
}

/// Too short to be seen as it is, but what was done in between is.
pub async fn blink_triggers(soak: &Soak, dice: &mut StdRng) {
    for _ in 0..8 {
        let cell = cell(dice);
        let held = writers::hold(soak, vec![cell.group()]).await;
        let Some(place) = soak.world.now(cell) else { continue };
        let quiet = |version| {
            let (off, on) = (disable(cell.table), enable(cell.table));
            format!("{off} UPDATE {} SET version = {version} WHERE id = {}; {on}", cell.table.name(), cell.id)
        };
        writers::alter(soak, &held, &[(cell, Some(place))], quiet).await;
        sleep(Duration::from_millis(dice.random_range(0..400))).await;
    }
}

pub async fn add_column(soak: &Soak, hold: Duration, dice: &mut StdRng) {
    let name = any(dice).name();
    soak.site
        .insist(&format!("{LOCKED} ALTER TABLE {name} ADD COLUMN IF NOT EXISTS added int DEFAULT 7"))
        .await;
    sleep(hold / 2).await;
    soak.site.insist(&format!("{LOCKED} ALTER TABLE {name} DROP COLUMN IF EXISTS added")).await;
}

pub async fn retype_column(soak: &Soak, hold: Duration, dice: &mut StdRng) {
    let name = any(dice).name();
    soak.site.insist(&format!("{LOCKED} ALTER TABLE {name} ALTER extra TYPE bigint")).await;
    sleep(hold / 2).await;
    soak.site.insist(&format!("{LOCKED} ALTER TABLE {name} ALTER extra TYPE int")).await;
}

/// No trigger tells of it.
pub async fn rewrite_rows(soak: &Soak, dice: &mut StdRng) {
    for _ in 0..4 {
        let cell = cell(dice);
        let held = writers::hold(soak, vec![cell.group()]).await;
        let Some(place) = soak.world.now(cell) else { continue };
        let Cell { table, id } = cell;
        let rewrite = |version| {
            format!(
                "ALTER TABLE {} ALTER version TYPE bigint USING CASE id WHEN {id} THEN {version} ELSE version END;",
                table.name()
            )
        };
        writers::alter(soak, &held, &[(cell, Some(place))], rewrite).await;
        drop(held);
        sleep(Duration::from_millis(dice.random_range(0..600))).await;
    }
}

pub async fn vacuum(soak: &Soak, dice: &mut StdRng) {
    for _ in 0..4 {
        soak.site.insist(&format!("VACUUM FULL {}", any(dice).name())).await;
        sleep(Duration::from_millis(dice.random_range(0..300))).await;
    }
}

/// One whose table can be rewritten: no view stands on it.
fn cell(dice: &mut StdRng) -> Cell {
    let table = [Table::Family, Table::Kin, Table::Item, Table::Parted][dice.random_range(0..4)];
    Cell { table, id: dice.random_range(table.ids()) }
}

fn disable(table: Table) -> String {
    each_trigger(table, "DISABLE")
}

fn enable(table: Table) -> String {
    each_trigger(table, "ENABLE ALWAYS")
}

/// Of the table and all its partitions.
fn each_trigger(table: Table, what: &str) -> String {
    format!(
        "DO $$ DECLARE one record; BEGIN
             FOR one IN SELECT tgrelid::regclass AS relation, tgname FROM pg_trigger
                 WHERE tgname LIKE 'rowcall%' AND tgrelid::regclass::text LIKE '{}%' ORDER BY 1, 2
             LOOP
                 EXECUTE format('ALTER TABLE ONLY %s {what} TRIGGER %I', one.relation, one.tgname);
             END LOOP;
         END $$;",
        table.name()
    )
}
