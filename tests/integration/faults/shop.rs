//! A Postgres of the test's own with the shop in it, and a server over it under a steady load.

use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::{Client as Plain, NoTls};

use super::load::Load;
use super::{PATIENCE, RECOVERY_MAX, reading};
use crate::errors_shop::{CONTRACT, TABLES, written};
use crate::support::{Cluster, Local, serve};

pub const CONNECTIONS_MAX: u32 = 6;
pub const DATABASE: &str = "shop";

/// A server that nobody else stops.
pub struct Own {
    pub cluster: Cluster,
}

impl Own {
    pub async fn start(settings: &'static [&'static str]) -> Own {
        let made = tokio::task::spawn_blocking(move || {
            // What is committed is there after a crash, too.
            let cluster = Cluster::start(&[settings, &["synchronous_commit = on"]].concat());
            cluster.psql("postgres", &["-c", &format!("CREATE DATABASE {DATABASE}")]);
            cluster.psql(DATABASE, &["-c", TABLES]);
            cluster
        });
        Own { cluster: made.await.expect("Postgres starts") }
    }

    pub fn url(&self) -> String {
        self.cluster.url(DATABASE)
    }

    /// A plain connection of a superuser.
    pub async fn client(&self) -> Plain {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.expect("it runs");
        tokio::spawn(connection);
        client
    }

    pub async fn execute(&self, sql: &str) {
        self.client().await.batch_execute(sql).await.expect("the test's own SQL");
    }

    /// Ends what Rowcall has, all at once, and waits until it is gone.
    pub async fn terminate(&self) {
        self.terminate_by(&self.client().await).await;
    }

    pub async fn terminate_by(&self, client: &Plain) {
        let terminate = "SELECT count(pg_terminate_backend(pid, 5000)) FROM unnest(
            (SELECT array_agg(pid) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE application_name LIKE 'rowcall%')) AS pid";
        client.query_one(terminate, &[]).await.expect("the test's own SQL");
    }

    /// A URL of a role that may read what there is.
    pub async fn role(&self) -> String {
        self.execute("CREATE ROLE app LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO app").await;
        self.url().replace("//postgres@", "//app@")
    }

    /// Waits until Rowcall has no more connections for calls than so many, as Postgres counts them, which hears late that one
    /// was given up.
    pub async fn connections_are_at_most(&self, most: i64) {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rowcall'";
        let (client, late) = (self.client().await, Instant::now() + PATIENCE);
        loop {
            let found: i64 = client.query_one(count, &[]).await.expect("the test's own SQL").get(0);
            if found <= most {
                return;
            }
            assert!(Instant::now() < late, "{found} connections, more than {most}");
            tokio::task::yield_now().await;
        }
    }
}

/// A server in this process, and callers of it.
pub struct Loaded {
    pub local: Local,
    pub load: Load,
    contract: TempDir,
}

impl Loaded {
    /// Returns once calls are answered.
    pub async fn start(url: &str) -> Loaded {
        Loaded::start_with(url, CONTRACT).await
    }

    pub async fn start_with(url: &str, contract: &str) -> Loaded {
        let contract = written(contract);
        let max = CONNECTIONS_MAX.to_string();
        let settings = [("postgres.connections_max", max.as_str())];
        let local = serve(contract.path().to_str().expect("UTF-8"), url, &settings).await;
        let load = Load::start(&local.client);
        load.successes(100).await;
        Loaded { local, load, contract }
    }

    /// Every call of the load is answered again, soon after `back`; the errors up to then are none
    /// but `allowed`.
    pub async fn recovers(&self, fault: Instant, back: Instant, allowed: &[&str]) {
        let steady = self.load.steady_since(fault).await;
        self.recovered(fault, steady.saturating_duration_since(back), RECOVERY_MAX, allowed);
    }

    /// The same where the catalog has to be read, so many times at most: how long that takes is the machine's affair.
    pub async fn recovers_by_reading(
        &self,
        own: &Own,
        (fault, back): (Instant, Instant),
        times: u32,
        allowed: &[&str],
    ) {
        let steady = self.load.steady_since(fault).await;
        let most = RECOVERY_MAX + times * reading(self.contract.path(), &own.url()).await;
        self.recovered(fault, steady.saturating_duration_since(back), most, allowed);
    }

    fn recovered(&self, fault: Instant, after: Duration, most: Duration, allowed: &[&str]) {
        let told = || self.load.told(fault);
        assert!(after < most, "answered {after:?} after the database, not within {most:?}\n{}", told());
        self.load.allowed(fault, allowed);
    }

    /// Ends the load and the server, which leaves no connection behind.
    pub async fn end(self, own: &Own) {
        self.load.end().await;
        own.connections_are_at_most(CONNECTIONS_MAX.into()).await;
        self.local.serving.stop().await.expect("it ends well");
        own.connections_are_at_most(0).await;
    }
}
