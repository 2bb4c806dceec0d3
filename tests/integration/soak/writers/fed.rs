//! A table that a logical subscription writes to: written in another database, and seen to have come.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::sleep;

use crate::soak::Soak;
use crate::soak::world::tables::{Cell, NOWHERE, SOURCE, Table};

const PAUSE_MILLIS: std::ops::Range<u64> = 100..700;
const WATCH_EVERY: Duration = Duration::from_millis(40);

/// From the server's other database, by a slot that is made by hand: it would wait for itself.
pub async fn subscribe(soak: &Soak) {
    let port = soak.site.primary().port;
    soak.site
        .insist_in(
            SOURCE,
            "SELECT pg_create_logical_replication_slot('soak', 'pgoutput')
             WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'soak')",
        )
        .await;
    let subscribe = format!(
        "CREATE SUBSCRIPTION soak CONNECTION 'host=127.0.0.1 port={port} user=postgres dbname={SOURCE}'
         PUBLICATION soak WITH (create_slot = false, slot_name = 'soak', copy_data = false)"
    );
    soak.site.insist(&subscribe).await;
}

/// Until told to stop.
pub async fn write(soak: Arc<Soak>, seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    while !soak.stopped() {
        let held = soak.world.hold(Table::Fed.groups()).await;
        if let Some(session) = soak.site.session_in(SOURCE).await {
            let version = soak.world.version();
            let first = dice.random_range(Table::Fed.ids());
            let last = dice.random_range(first..=*Table::Fed.ids().end());
            let changes: Vec<_> =
                (first..=last).map(|id| (Cell { table: Table::Fed, id }, Some(NOWHERE))).collect();
            soak.world.begin(version, &changes);
            let sql = format!("UPDATE fed SET version = {version} WHERE id BETWEEN {first} AND {last}");
            let done = session.batch_execute(&sql).await.is_ok();
            soak.tally.wrote("fed", "(subscription)", done);
        }
        drop(held);
        soak.pause(Duration::from_millis(dice.random_range(PAUSE_MILLIS))).await;
    }
}

/// Sees what has come, until told to stop.
pub async fn watch(soak: Arc<Soak>) {
    let mut session = None;
    while !soak.stopped() {
        if session.is_none() {
            session = soak.site.session().await;
        }
        session = match session.take() {
            Some(open) => come(&open).await.map(|come| {
                come.into_iter().for_each(|(cell, version)| soak.world.saw(cell, version));
                open
            }),
            None => None,
        };
        soak.pause(WATCH_EVERY).await;
    }
}

/// After a promotion: what has not come is lost, and from now on comes from here.
pub async fn find_out(soak: &Soak) {
    let held = soak.world.hold(Table::Fed.groups()).await;
    for sql in [
        "ALTER SUBSCRIPTION soak DISABLE",
        "ALTER SUBSCRIPTION soak SET (slot_name = NONE)",
        "DROP SUBSCRIPTION soak",
    ] {
        soak.site.insist(sql).await;
    }
    let come = loop {
        let session = soak.site.session().await;
        match session {
            Some(session) => match come(&session).await {
                Some(come) => break come,
                None => sleep(WATCH_EVERY).await,
            },
            None => sleep(WATCH_EVERY).await,
        }
    };
    come.into_iter().for_each(|(cell, version)| soak.world.settle_row(cell, version));
    subscribe(soak).await;
    drop(held);
}

async fn come(session: &tokio_postgres::Client) -> Option<HashMap<Cell, u64>> {
    let rows = session.query("SELECT id, version FROM fed", &[]).await.ok()?;
    let row = |row: tokio_postgres::Row| {
        let version = u64::try_from(row.get::<_, i64>(1)).ok()?;
        Some((Cell { table: Table::Fed, id: row.get(0) }, version))
    };
    rows.into_iter().map(row).collect()
}
