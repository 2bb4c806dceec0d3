//! A Rowcall with all that it can have beside it, and somebody who looks.

use std::path::Path;

use super::programs::{Collector, Prometheus};
use crate::support::{CHINOOK, Client, Cluster, Redis, Served, migrate, shared};

pub const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contracts/chinook");
const FUNCTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contracts/chinook/functions.sql");
pub const DATABASE: &str = "shop";

pub struct Scene {
    pub served: Served,
    pub client: Client,
    pub collector: Collector,
    pub prometheus: Prometheus,
    pub primary: Cluster,
    _redis: Redis,
    _standby: Cluster,
}

impl Scene {
    /// Every trace is sampled. `prepare` is SQL for the database, before anything is served.
    pub async fn start(prepare: &'static str, url: impl Fn(&Cluster) -> String, settings: &[&str]) -> Scene {
        let built = tokio::task::spawn_blocking(move || {
            let primary = Cluster::start(&[]);
            primary.psql("postgres", &["-c", &format!("CREATE DATABASE {DATABASE}")]);
            for file in CHINOOK {
                let path = shared(file.trim_start_matches("shared:"));
                primary.psql(DATABASE, &["-f", path.to_str().expect("UTF-8")]);
            }
            primary.psql(DATABASE, &["-f", FUNCTIONS]);
            primary.psql(DATABASE, &["-c", prepare]);
            primary.psql(DATABASE, &["-c", "ANALYZE"]);
            migrate(Path::new(CONTRACT), &primary.url(DATABASE));
            let (standby, redis) = (primary.standby(), Redis::start(&[]));
            let collector = Collector::start();
            let prometheus = Prometheus::start(&collector);
            (primary, standby, redis, collector, prometheus)
        });
        let (primary, standby, redis, collector, prometheus) = built.await.expect("all of it starts");
        let mut arguments =
            vec!["--contract".to_owned(), CONTRACT.to_owned(), "--database".to_owned(), url(&primary)];
        let set = [
            format!("telemetry.endpoint={}", collector.endpoint()),
            "telemetry.traces_ratio=1".to_owned(),
            "telemetry.logs=true".to_owned(),
            "log.format=json".to_owned(),
            format!("redis.url={}", redis.url()),
            format!("replicas.urls={}", standby.url(DATABASE)),
        ];
        for setting in set.iter().map(String::as_str).chain(settings.iter().copied()) {
            arguments.extend(["--set".to_owned(), setting.to_owned()]);
        }
        let served = tokio::task::spawn_blocking(move || {
            Served::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
        });
        let served = served.await.expect("Rowcall starts");
        let client = Client::connect(CONTRACT.into(), served.address.parse().expect("an address")).await;
        Scene { served, client, collector, prometheus, primary, _redis: redis, _standby: standby }
    }
}
