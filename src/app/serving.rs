//! A configuration, a contract and a database → a listener that answers, until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::settings;
use crate::config::Config;
use crate::grpc::{Server, Signs};
use crate::load::{self, Loaded};
use crate::pipeline::Pipeline;
use crate::postgres::Postgres;
use crate::upkeep::reload::Reload;

/// Everything that serving needs.
pub(super) struct Ready {
    pub server: Server,
    pub postgres: Postgres,
    pub loaded: Loaded,
    /// Where a reload reads the contract again.
    pub contract: Vec<PathBuf>,
    /// Asks for a reload.
    pub hangup: Signal,
}

impl Ready {
    /// Answers calls until `stop`, and those under way after it.
    pub async fn serve(self, config: &Config, stop: CancellationToken) {
        let Ready { server, postgres, loaded, contract, hangup } = self;
        if config.tokens.keys.is_empty() {
            tracing::info!("tokens.keys is not set: page and resume tokens end with this process");
        }
        let (keys, settings) = (settings::keys(config), settings::pipeline(config));
        let pipeline = Arc::new(Pipeline::new(loaded.plans, postgres.clone(), keys, settings));
        let (loads, loaded) = watch::channel(0);
        let certificates = server.certificates();
        let reload = Reload { pipeline: pipeline.clone(), contract, certificates, loads };
        let reloading = tokio::spawn(reload.run(hangup));
        let signs = Signs { database: postgres.reachable(), loads: loaded, drain: stop };
        server.serve(pipeline, signs).await;
        reloading.abort();
        postgres.close().await;
    }
}

/// A server inside of another program: no signals, no banner, and no waiting for a database.
pub struct Serving {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Serving {
    /// Returns when calls are answered; dropping it stops the server like `stop`, unwaited for.
    pub async fn start(config: Config, contract: Vec<PathBuf>, url: &str) -> anyhow::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        let server = Server::bind(settings::grpc(&config)).await?;
        let address = server.local_addr();
        let postgres = Postgres::new(settings::postgres(&config, url))?;
        let loaded = load::plans(load::contract(contract.clone()).await?, &postgres).await?;
        let ready = Ready { server, postgres, loaded, contract, hangup };
        let stop = CancellationToken::new();
        let told = stop.clone();
        let served = tokio::spawn(async move { ready.serve(&config, told).await });
        Ok(Serving { address, stop, served })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends as SIGTERM does: calls under way have `listener.drain_grace`.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok((&mut self.served).await?)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
