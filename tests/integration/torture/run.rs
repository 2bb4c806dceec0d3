//! A plan → a Postgres, a proxy, a Rowcall and its callers; at the end nothing may be left of them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::calls::Caller;
use super::faults::site::Site;
use super::lines::Lines;
use super::process::sample;
use super::tally::Tally;
use super::world::{self, READER, World};
use super::{Plan, Torture, schedule, writer};
use crate::support::{Client, Cluster, Proxy, Served};

const CONTRACT: &str = "tests/contracts/torture";

/// Of Rowcall's pool.
const CONNECTIONS_MAX: i64 = 12;

/// Callers never hold much, so that more than this is a leak.
const MEMORY_KIB_MAX: u64 = 256 * 1024;
const DESCRIPTORS_MAX: u64 = 200;
const THREADS_MAX: u64 = 64;

/// Between two looks at Rowcall's process, and two connections that are cut.
const SAMPLE_EVERY: Duration = Duration::from_millis(250);
const CUT_EVERY_MILLIS: std::ops::Range<u64> = 500..4_000;

/// Once nobody calls any more, nothing may be under way for longer.
const SETTLE_MAX: Duration = Duration::from_secs(10);

pub async fn run(plan: Plan) {
    eprintln!("torture: seed {}, {:?}", plan.seed, plan.duration);
    let world = Arc::new(World::default());
    let site = Arc::new(site(world.clone()).await);
    let address = site.served.address.parse().expect("an address");
    let client = Client::connect(Path::new(env!("CARGO_MANIFEST_DIR")).join(CONTRACT), address).await;
    let (stop, stopped) = watch::channel(false);
    let torture = Arc::new(Torture {
        world,
        lines: Lines::new(client, address),
        episodes: Default::default(),
        tally: Tally::default(),
        stop: stopped,
    });
    let mut dice = StdRng::seed_from_u64(plan.seed);
    let mut work: Vec<JoinHandle<()>> =
        (0..plan.callers).map(|_| tokio::spawn(Caller::new(torture.clone(), dice.random()).run())).collect();
    work.push(tokio::spawn(writer::write(torture.clone(), site.clone(), dice.random())));
    work.push(tokio::spawn(watch_process(torture.clone(), site.clone())));
    work.push(tokio::spawn(cut_lines(torture.clone(), dice.random())));

    schedule::run(&torture, &site, &plan).await;
    stop.send_replace(true);
    for done in join_all(work).await {
        done.expect("a caller does not panic");
    }
    left_nothing(&torture, &site).await;
    eprintln!("{}\nseed       {}", torture.tally, plan.seed);
    assert_eq!(torture.tally.wrong_answers(), 0, "wrong answers with seed {}", plan.seed);
}

async fn site(world: Arc<World>) -> Site {
    let settings = [
        // An acknowledged commit outlives a crash.
        "synchronous_commit = on",
        "autovacuum = on",
        "max_connections = 60",
        "superuser_reserved_connections = 20",
    ];
    let cluster = Cluster::start(&settings);
    cluster.psql("postgres", &["-c", &world::sql()]);
    let proxy = Proxy::start(cluster.port).await;
    let database = format!("postgres://{READER}@127.0.0.1:{}/postgres", proxy.port);
    let connections = format!("postgres.connections_max={CONNECTIONS_MAX}");
    let start = move || {
        let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join(CONTRACT);
        let mut arguments = vec!["--contract", contract.to_str().expect("UTF-8"), "--database", &database];
        for setting in [
            connections.as_str(),
            "compression.loopback=true",
            "compression.bytes_min=64",
            "listener.age_max=10s",
            "listener.age_jitter=5s",
        ] {
            arguments.extend(["--set", setting]);
        }
        Served::start(&arguments)
    };
    let served = tokio::task::spawn_blocking(start).await.expect("it starts");
    Site::new(cluster, proxy, served, world)
}

async fn watch_process(torture: Arc<Torture>, site: Arc<Site>) {
    while !torture.stopped() {
        let Some(seen) = sample(site.served.id()) else {
            return torture.tally.wrong(format!("Rowcall has ended:\n{}", site.served.log()));
        };
        torture.tally.sampled(seen);
        if seen.memory_kib > MEMORY_KIB_MAX
            || seen.descriptors > DESCRIPTORS_MAX
            || seen.threads > THREADS_MAX
        {
            return torture.tally.wrong(format!("Rowcall holds too much: {seen}"));
        }
        sleep(SAMPLE_EVERY).await;
    }
}

async fn cut_lines(torture: Arc<Torture>, seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    while !torture.stopped() {
        sleep(Duration::from_millis(dice.random_range(CUT_EVERY_MILLIS))).await;
        torture.lines.cut(&mut dice);
    }
}

/// No statement of a call runs, no connection is too many, and every one of the pool can be had at once.
async fn left_nothing(torture: &Torture, site: &Site) {
    let settled = format!(
        "SELECT count(*) FILTER (WHERE state <> 'idle') = 0 AND count(*) <= {CONNECTIONS_MAX}
         FROM pg_stat_activity WHERE usename = '{READER}' AND application_name = 'rowcall'"
    );
    until(torture, site, &settled).await;
    let line = match torture.lines.open(None).await {
        Ok(line) => line,
        Err(why) => return torture.tally.wrong(why),
    };
    let naps = (0..CONNECTIONS_MAX).map(|_| {
        let client = line.client.clone();
        tokio::spawn(async move { client.call("Nap", json!({"milliseconds": 6_000})).await.map(|_| ()) })
    });
    let naps: Vec<_> = naps.collect();
    let all = format!(
        "SELECT count(*) = {CONNECTIONS_MAX} FROM pg_stat_activity WHERE usename = '{READER}' AND state = 'active' AND application_name = 'rowcall'"
    );
    until(torture, site, &all).await;
    for nap in join_all(naps).await {
        if let Err(failure) = nap.expect("a call does not panic") {
            torture.tally.wrong(format!("Nap, with every connection: {failure:?}"));
        }
    }
    until(torture, site, &settled).await;
}

/// Until Postgres says so.
async fn until(torture: &Torture, site: &Site, sql: &str) {
    let late = Instant::now() + SETTLE_MAX;
    while !site.asked(sql).await.is_some_and(|row| row.get(0)) {
        if Instant::now() > late {
            return torture.tally.wrong(format!("never true: {sql}"));
        }
    }
}
