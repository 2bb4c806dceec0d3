//! The parts of the process → gauges that are read when metrics are exported.

use std::sync::Arc;
use std::time::Instant;

use crate::config::Config;
use crate::feed::Feed;
use crate::grpc::Load;
use crate::pipeline::Pipeline;
use crate::postgres::{Postgres, Servers};
use crate::telemetry::{Telemetry, instruments};
use crate::upkeep::asking::Asking;
use crate::upkeep::backends::Backends;
use crate::upkeep::reload::Outcomes;

/// Of a digest: enough to tell one from another.
const NAME_DIGITS: usize = 12;

pub struct Gauges {
    pub servers: Servers,
    /// Of the feed.
    pub writing: Postgres,
    pub asking: Asking,
    pub pipeline: Arc<Pipeline>,
    pub feed: Feed,
    pub load: Load,
    pub reloads: Outcomes,
    pub backends: Backends,
}

impl Gauges {
    pub fn watch(self, telemetry: &Telemetry, config: &Config) {
        telemetry.watch_itself();
        self.calls(telemetry, config);
        self.pools(telemetry);
        self.servers(telemetry);
        self.cache(telemetry, config);
        self.feed(telemetry, config);
        self.redis(telemetry, config);
        self.changes(telemetry);
    }

    fn calls(&self, telemetry: &Telemetry, config: &Config) {
        let load = self.load.clone();
        telemetry.watch(&instruments::CALL_ACTIVE, move |tell| tell(load.calls().0 as f64, &[]));
        let load = self.load.clone();
        telemetry.watch(&instruments::CALL_LIMIT, move |tell| tell(load.calls().1 as f64, &[]));
        let load = self.load.clone();
        telemetry.watch(&instruments::CONNECTION_ACTIVE, move |tell| tell(load.connections().0 as f64, &[]));
        let load = self.load.clone();
        telemetry.watch(&instruments::CONNECTION_LIMIT, move |tell| tell(load.connections().1 as f64, &[]));
        let pipeline = self.pipeline.clone();
        telemetry.watch(&instruments::STREAM_ACTIVE, move |tell| tell(pipeline.streams_active() as f64, &[]));
        let streams_max = config.stream.streams_max as f64;
        telemetry.watch(&instruments::STREAM_LIMIT, move |tell| tell(streams_max, &[]));
    }

    fn pools(&self, telemetry: &Telemetry) {
        let (servers, writing, asking) = (self.servers.clone(), self.writing.clone(), self.asking.clone());
        let pools = move || -> Vec<Postgres> {
            let standbys = servers.standbys().iter().map(|standby| standby.postgres().clone());
            let pools = [servers.primary().clone()].into_iter().chain(standbys);
            // The last is made when it is first used.
            pools.chain([writing.clone()]).chain(asking.pool()).collect()
        };
        let each = pools.clone();
        telemetry.watch(&instruments::POOL_COUNT, move |tell| {
            for pool in each() {
                let counts = pool.counts();
                tell(counts.connections.saturating_sub(counts.idle).into(), &[pool.name(), "used"]);
                tell(counts.idle.into(), &[pool.name(), "idle"]);
            }
        });
        let each = pools.clone();
        telemetry.watch(&instruments::POOL_MAX, move |tell| {
            each().iter().for_each(|pool| tell(pool.connections_max() as f64, &[pool.name()]));
        });
        telemetry.watch(&instruments::POOL_PENDING, move |tell| {
            pools().iter().for_each(|pool| tell(pool.waiting() as f64, &[pool.name()]));
        });
    }

    fn servers(&self, telemetry: &Telemetry) {
        let servers = self.servers.clone();
        telemetry.watch(&instruments::POSTGRES_UP, move |tell| {
            let up = |postgres: &Postgres| f64::from(u8::from(*postgres.reachable().borrow()));
            let primary = (servers.primary(), "primary");
            let standbys = servers.standbys().iter().map(|standby| (standby.postgres(), "standby"));
            for (postgres, role) in std::iter::once(primary).chain(standbys) {
                let peers = postgres.peers();
                tell(up(postgres), &[peers.address(), peers.port(), role]);
            }
        });
        let servers = self.servers.clone();
        telemetry.watch(&instruments::REPLICA_LAG, move |tell| {
            for standby in servers.standbys() {
                let peers = standby.postgres().peers();
                tell(standby.found().behind.as_secs_f64(), &[peers.address(), peers.port()]);
            }
        });
        let servers = self.servers.clone();
        telemetry.watch(&instruments::REPLICA_READY, move |tell| {
            for standby in servers.standbys() {
                let peers = standby.postgres().peers();
                tell(f64::from(u8::from(standby.ready())), &[peers.address(), peers.port()]);
            }
        });
        let backends = self.backends.clone();
        telemetry.watch(&instruments::POSTGRES_BACKENDS, move |tell| {
            for count in backends.read() {
                tell(count.backends as f64, &[&count.state, &count.wait_event_type]);
            }
        });
    }

    fn cache(&self, telemetry: &Telemetry, config: &Config) {
        let kept = self.pipeline.clone();
        telemetry.watch(&instruments::CACHE_SIZE, move |tell| tell(kept.fill().bytes as f64, &[]));
        let kept = self.pipeline.clone();
        telemetry.watch(&instruments::CACHE_ENTRIES, move |tell| tell(kept.fill().entries as f64, &[]));
        let kept = self.pipeline.clone();
        telemetry.watch(&instruments::CACHE_EVICTIONS, move |tell| tell(kept.fill().evicted as f64, &[]));
        let limit = config.cache.bytes_max.bytes() as f64;
        telemetry.watch(&instruments::CACHE_LIMIT, move |tell| tell(limit, &[]));
        let verified = self.pipeline.clone();
        telemetry.watch(&instruments::CACHE_VERIFIED, move |tell| {
            let verified = verified.verified();
            tell((verified.same + verified.other) as f64, &[]);
        });
        let verified = self.pipeline.clone();
        telemetry
            .watch(&instruments::CACHE_MISMATCHES, move |tell| tell(verified.verified().other as f64, &[]));
    }

    fn feed(&self, telemetry: &Telemetry, config: &Config) {
        let feed = self.feed.clone();
        telemetry.watch(&instruments::FEED_AGE, move |tell| {
            if let Some(age) = feed.status(Instant::now()).age {
                tell(age.as_secs_f64(), &[]);
            }
        });
        let feed = self.feed.clone();
        telemetry.watch(&instruments::FEED_POLL, move |tell| {
            let status = feed.status(Instant::now());
            if status.age.is_some() {
                tell(status.took.as_secs_f64(), &[]);
            }
        });
        let lag_max = config.cache.lag_max.as_secs_f64();
        telemetry.watch(&instruments::FEED_LAG_MAX, move |tell| tell(lag_max, &[]));
        let feed = self.feed.clone();
        telemetry.watch(&instruments::FEED_TABLES, move |tell| {
            let status = feed.status(Instant::now());
            tell(status.tables_tracked as f64, &["tracked"]);
            tell(status.tables_untracked as f64, &["untracked"]);
        });
        let feed = self.feed.clone();
        telemetry.watch(&instruments::FEED_CHANGES, move |tell| {
            tell(feed.status(Instant::now()).changes as f64, &[])
        });
        let feed = self.feed.clone();
        telemetry
            .watch(&instruments::FEED_GAPS, move |tell| tell(feed.status(Instant::now()).gaps as f64, &[]));
        let feed = self.feed.clone();
        telemetry.watch(&instruments::FEED_FAILURES, move |tell| {
            tell(feed.status(Instant::now()).failures as f64, &[])
        });
    }

    fn redis(&self, telemetry: &Telemetry, config: &Config) {
        if config.redis.url.is_empty() {
            return;
        }
        let redis = self.pipeline.clone();
        telemetry.watch(&instruments::REDIS_UP, move |tell| {
            if let Some(status) = redis.redis_status() {
                tell(f64::from(u8::from(status.answering)), &[]);
            }
        });
        let redis = self.pipeline.clone();
        telemetry.watch(&instruments::REDIS_LOOKUPS, move |tell| {
            if let Some(status) = redis.redis_status() {
                tell(status.hits as f64, &["hit"]);
                // What is there and cannot be used is as nothing.
                tell((status.missed + status.unreadable) as f64, &["miss"]);
                tell(status.late as f64, &["late"]);
            }
        });
        let redis = self.pipeline.clone();
        telemetry.watch(&instruments::REDIS_FAILURES, move |tell| {
            if let Some(status) = redis.redis_status() {
                tell(status.failures as f64, &[]);
            }
        });
    }

    fn changes(&self, telemetry: &Telemetry) {
        // The contract's digest and the catalog's; absent before the catalog was read.
        let named = |tell: &mut dyn FnMut(f64, &[&str]), digest: &str| {
            tell(1.0, &[digest.get(..NAME_DIGITS).unwrap_or(digest)]);
        };
        let plans = self.pipeline.clone();
        telemetry.watch(&instruments::CONTRACT_INFO, move |tell| {
            if let Some((contract, _)) = plans.plans().digest.split_once('.') {
                named(tell, contract);
            }
        });
        let plans = self.pipeline.clone();
        telemetry.watch(&instruments::CATALOG_INFO, move |tell| {
            if let Some((_, catalog)) = plans.plans().digest.split_once('.') {
                named(tell, catalog);
            }
        });
        let plans = self.pipeline.clone();
        telemetry.watch(&instruments::RESOURCES, move |tell| {
            let plans = plans.plans();
            let unfit = plans.resources.iter().filter(|resource| !resource.problems.is_empty()).count();
            tell((plans.resources.len() - unfit) as f64, &["fits"]);
            tell(unfit as f64, &["unfit"]);
        });
        let reloads = self.reloads.clone();
        telemetry.watch(&instruments::RELOADS, move |tell| {
            tell(reloads.applied() as f64, &["applied"]);
            tell(reloads.failed() as f64, &["failed"]);
        });
        let reloads = self.reloads.clone();
        telemetry
            .watch(&instruments::RELOAD_FAILED, move |tell| tell(f64::from(u8::from(reloads.stale())), &[]));
    }
}
