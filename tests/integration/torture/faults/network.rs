//! Faults of the path between Rowcall and Postgres.

use std::time::Duration;

use tokio::time::sleep;

use super::site::Site;
use crate::support::Path;

/// Long enough for every connection to see it.
const CUT: Duration = Duration::from_millis(30);

pub async fn cut(site: &Site) {
    refuse(site, CUT).await;
}

pub async fn refuse(site: &Site, hold: Duration) {
    site.proxy.set(Path::Cut);
    sleep(hold).await;
    site.proxy.set(Path::Open);
}

pub async fn hold(site: &Site, hold: Duration) {
    site.proxy.set(Path::Silent);
    sleep(hold).await;
    site.proxy.set(Path::Open);
}

/// What stood still is lost.
pub async fn lose(site: &Site, hold: Duration) {
    site.proxy.set(Path::Silent);
    sleep(hold).await;
    cut(site).await;
}
