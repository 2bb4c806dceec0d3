//! What happens to calls when the database goes, comes back or changes; one file per kind of fault.

mod backends;
mod failover;
mod load;
mod privileges;
mod shop;
mod silence;
mod slots;
mod start;
mod stopped;
mod tables;
mod writes;

use std::path::Path;
use std::time::{Duration, Instant};

use rowcall::postgres::{Postgres, Settings};
use tokio_postgres::NoTls;

/// A server may need so long after its database answers again.
pub const RECOVERY_MAX: Duration = Duration::from_secs(2);
/// What a test waits for on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What it takes to read a contract and its catalog, on this machine, as busy as it is.
pub async fn reading(contract: &Path, url: &str) -> Duration {
    let begun = Instant::now();
    let contract = rowcall::load::contract(vec![contract.to_owned()]).await.expect("the contract is good");
    let settings = Settings { url: url.to_owned(), ..Settings::default() };
    let postgres = Postgres::new(settings).expect("the URL is good");
    rowcall::load::settled_plans(contract, &postgres).await.expect("the database answers");
    let took = begun.elapsed();
    postgres.close().await;
    took
}

/// The moment at which a database answers a plain client again.
pub async fn answers(url: &str) -> Instant {
    let late = Instant::now() + PATIENCE;
    loop {
        if let Ok((client, connection)) = tokio_postgres::connect(url, NoTls).await {
            let driven = tokio::spawn(connection);
            let answered = client.simple_query("SELECT 1").await;
            driven.abort();
            if answered.is_ok() {
                return Instant::now();
            }
        }
        assert!(Instant::now() < late, "the database never came back");
        tokio::task::yield_now().await;
    }
}
