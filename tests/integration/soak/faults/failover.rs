//! The primary dies; its standby takes its place, with what had come to it, and gets a standby of its own.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::postgres;
use crate::soak::Soak;
use crate::soak::site::{blocking, lock};
use crate::soak::world::tables::{Group, Table};
use crate::soak::writers::{self, fed};

const PAUSE: Duration = Duration::from_millis(10);

pub async fn promote(soak: &Arc<Soak>, dice: &mut StdRng) {
    let Some(standby) = soak.site.standby() else { return };
    // What the old primary alone had is lost, and which that is cannot be known before the end.
    soak.answers.wait();
    let port = soak.site.primary().port;
    soak.site.primary().control("stop");
    while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
        sleep(PAUSE).await;
    }
    soak.world.died();
    let version = soak.world.version();
    sleep(Duration::from_millis(dice.random_range(0..1_500))).await;
    standby.control("promote");
    let old = soak.site.promoted();
    soak.site.until("SELECT NOT pg_is_in_recovery()").await;
    writers::take_back(soak, version).await;
    // Whoever waits for the end of a transaction finds out by itself, and lets go of its groups.
    for group in Group::all().into_iter().filter(|Group(table, _)| *table != Table::Fed) {
        drop(writers::hold(soak, vec![group]).await);
    }
    fed::find_out(soak).await;
    soak.answers.go_on();
    let primary = soak.site.primary();
    let standby = blocking(move || {
        // Its shell removes it.
        drop(old);
        lock(&primary.cluster).standby_at(port)
    });
    soak.site.joined(standby.await);
    postgres::streams(soak).await;
}
