//! A configuration, a contract and a database → a listener that answers, until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::gauges::Gauges;
use super::settings;
use crate::config::Config;
use crate::contract::Contract;
use crate::feed::{Feed, schema};
use crate::grpc::{Server, Signs};
use crate::load::{self, Loaded};
use crate::pipeline::Pipeline;
use crate::plan::Plans;
use crate::postgres::{Postgres, Servers};
use crate::redis::Redis;
use crate::telemetry::Telemetry;
use crate::upkeep::asking::Asking;
use crate::upkeep::backends::Backends;
use crate::upkeep::explain;
use crate::upkeep::feed::Follow;
use crate::upkeep::reload::{Outcomes, Reload};
use crate::upkeep::verify;

/// Everything that serving needs, but for the plans.
pub(super) struct Ready {
    pub server: Server,
    pub servers: Servers,
    /// Beside the pools of calls: the feed's connection.
    pub writing: Postgres,
    /// For what may have to wait; it connects when there is something to ask.
    pub asking: Asking,
    pub contract: Arc<Contract>,
    /// Where a reload reads the contract again.
    pub paths: Vec<PathBuf>,
    /// Asks for a reload.
    pub hangup: Signal,
    pub telemetry: Telemetry,
}

impl Ready {
    /// Answers from the first moment on: that it lives and what it will serve. Calls are answered once
    /// `loading` is done, until `stop`, and those under way after it; when it fails, `stop` is now.
    pub async fn serve(
        self,
        config: &Config,
        stop: CancellationToken,
        loading: impl Future<Output = anyhow::Result<Loaded>>,
    ) -> anyhow::Result<()> {
        let Ready { server, servers, writing, asking, contract, paths, hangup, telemetry } = self;
        if config.tokens.keys.is_empty() {
            tracing::info!("tokens.keys is not set: page and resume tokens end with this process");
        }
        let (keys, settings) = (settings::keys(config), settings::pipeline(config));
        servers.witness(schema::NONCE, schema::LIFE);
        let redis = Some(settings::redis(config)).filter(|redis| !redis.urls.is_empty());
        let redis = redis.map(Redis::start).transpose()?;
        let feed = Feed::new(settings::ledger(config), Instant::now());
        let pipeline =
            Pipeline::new(Plans::unseen(contract), servers.clone(), (feed.clone(), redis), keys, settings);
        let pipeline = Arc::new(pipeline);
        let (loads, changed) = watch::channel(0);
        let certificates = server.certificates();
        let (reloads, backends) = (Outcomes::default(), Backends::default());
        let gauges = Gauges {
            servers: servers.clone(),
            writing: writing.clone(),
            asking: asking.clone(),
            pipeline: pipeline.clone(),
            feed: feed.clone(),
            load: server.load(),
            reloads: reloads.clone(),
            backends: backends.clone(),
        };
        gauges.watch(&telemetry, config);
        let reload =
            Reload { outcomes: reloads, pipeline: pipeline.clone(), contract: paths, certificates, loads };
        let signs = Signs {
            database: servers.primary().reachable(),
            loads: changed,
            drain: stop.clone(),
            feed: feed.clone(),
        };
        let follow = following(config, feed, &writing, &pipeline);
        let verified = pipeline.clone();

        let mut serving = pin!(server.serve(pipeline, signs));
        let loaded = tokio::select! {
            biased;
            loaded = loading => Some(loaded),
            () = &mut serving => None,
        };
        let ended = match loaded {
            None => Ok(()),
            Some(Ok(Loaded { plans, report, .. })) => {
                reload.replace(plans);
                let reloading = tokio::spawn(reload.run(hangup, report.problems));
                let following = tokio::spawn(follow.run());
                let verifying = tokio::spawn(verify::run(verified));
                let looking = telemetry.exports().then(|| tokio::spawn(backends.follow(asking.clone())));
                let slow = telemetry.slowest();
                let explaining = slow.map(|slow| tokio::spawn(explain::run(slow, asking.clone())));
                serving.await;
                looking.into_iter().chain(explaining).for_each(|task| task.abort());
                following.abort();
                verifying.abort();
                reloading.abort();
                Ok(())
            }
            Some(Err(error)) => {
                stop.cancel();
                serving.await;
                Err(error)
            }
        };
        asking.close().await;
        writing.close().await;
        servers.close().await;
        telemetry.stop().await;
        ended
    }
}

fn following(config: &Config, feed: Feed, writing: &Postgres, pipeline: &Arc<Pipeline>) -> Follow {
    let (plans, ddl) = (pipeline.clone(), pipeline.clone());
    Follow {
        feed,
        postgres: writing.clone(),
        settings: settings::feed(config),
        plans: Box::new(move || plans.plans()),
        met_ddl: Box::new(move || ddl.met_ddl()),
    }
}

/// A server inside of another program: no signals, no banner, and no waiting for a database.
pub struct Serving {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<anyhow::Result<()>>,
}

impl Serving {
    /// Returns when calls are answered; dropping it stops the server like `stop`, unwaited for.
    pub async fn start(config: Config, contract: Vec<PathBuf>, url: &str) -> anyhow::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        let telemetry = Telemetry::start(&settings::telemetry(&config)?)?;
        let server = Server::bind(settings::grpc(&config, &telemetry)).await?;
        let address = server.local_addr();
        let primary = settings::postgres(&config, url, &telemetry);
        let servers = Servers::new(primary, settings::replicas(&config, &telemetry))?;
        let paths = contract;
        let contract = load::contract(paths.clone()).await?;
        let loaded = load::plans(contract.clone(), servers.primary()).await?;
        let writing = Postgres::new(settings::writing(&config, url, &telemetry))?;
        let asking = Asking::new(settings::asking(&config, url, &telemetry));
        let ready = Ready { server, servers, writing, asking, contract, paths, hangup, telemetry };
        let stop = CancellationToken::new();
        let told = stop.clone();
        let served = tokio::spawn(async move { ready.serve(&config, told, async { Ok(loaded) }).await });
        Ok(Serving { address, stop, served })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends as SIGTERM does: calls under way have `listener.drain_grace`.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        (&mut self.served).await?
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
