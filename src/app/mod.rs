//! Composes: the database, the plans, the listener and our own loops, in the order of their life.

mod gauges;
mod inspect;
mod migrate;
mod serving;
mod settings;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::banner::{self, Banner, Security};
use crate::cli::{self, Code, Source};
use crate::config::Config;
use crate::embedded::{self, Embedded};
use crate::grpc::Server;
use crate::load::{self, Loaded};
use crate::postgres::{Postgres, Servers};
use crate::telemetry::Telemetry;
use crate::upkeep::asking::Asking;

pub use inspect::{check, explain};
pub use migrate::migrate;
use serving::Ready;
pub use serving::Serving;

/// Where the example's contract is put, in the folder of its database.
const EXAMPLE_CONTRACT: &str = "contract";

/// What the process says of itself; within its runtime.
pub fn telemetry(config: &Config) -> anyhow::Result<Telemetry> {
    Ok(Telemetry::start(&settings::telemetry(config)?)?)
}

/// `rowcall serve`, from the first connection to the last call.
pub async fn serve(config: &Config, source: Source, telemetry: Telemetry) -> anyhow::Result<Code> {
    let (stop, hangup) = (stop_signal()?, signal(SignalKind::hangup())?);
    match source {
        Source::Given { contract, database } => {
            let database = database.reveal().to_owned();
            run(config, Served { contract, database, example: None }, stop, hangup, telemetry).await
        }
        Source::Example => {
            if !config.replicas.urls.is_empty() {
                anyhow::bail!("replicas.urls is set, and no database they are standbys of: set DATABASE_URL");
            }
            // Half-started is no harm: the next start goes on from there.
            let embedded = tokio::select! {
                embedded = start_example(config) => embedded?,
                () = stop.cancelled() => return Ok(Code::Done),
            };
            let contract = vec![example_contract(embedded.folder())?];
            migrate::quietly(config, contract.clone(), &embedded.url()).await?;
            let served = Served {
                contract,
                database: embedded.url(),
                example: Some(embedded.folder().display().to_string()),
            };
            let exited = embedded.exited();
            let ended = tokio::select! {
                ended = run(config, served, stop, hangup, telemetry) => ended,
                how = exited => Err(anyhow::anyhow!(
                    "the embedded Postgres has ended: {how}; its data are kept for the next start, and its log is {}",
                    embedded.log().display()
                )),
            };
            embedded.stop().await;
            ended
        }
    }
}

/// What is served.
struct Served {
    contract: Vec<PathBuf>,
    database: String,
    /// The folder of the example's database, when it is the example.
    example: Option<String>,
}

async fn run(
    config: &Config,
    served: Served,
    stop: CancellationToken,
    hangup: Signal,
    telemetry: Telemetry,
) -> anyhow::Result<Code> {
    let server = Server::bind(settings::grpc(config, &telemetry)).await?;
    let primary = settings::postgres(config, &served.database, &telemetry);
    let servers = Servers::new(primary, settings::replicas(config, &telemetry))?;
    let postgres = servers.primary();
    let contract = load::contract(served.contract.clone()).await?;
    let address = server.local_addr();
    let ready = Ready {
        server,
        servers: servers.clone(),
        writing: Postgres::new(settings::writing(config, &served.database, &telemetry))?,
        asking: Asking::new(settings::asking(config, &served.database, &telemetry)),
        contract: contract.clone(),
        paths: served.contract.clone(),
        hangup,
        telemetry,
    };
    ready
        .serve(config, stop, async {
            let loaded = load::plans_when_reachable(contract, postgres).await?;
            accept(config, &loaded)?;
            cli::print(&banner(config, &served, &loaded, postgres, address).to_string())?;
            Ok(loaded)
        })
        .await?;
    Ok(Code::Done)
}

/// What does not fit is told; or nothing is served when all of it has to.
fn accept(config: &Config, loaded: &Loaded) -> anyhow::Result<()> {
    if config.contract.strict && !loaded.report.problems.is_empty() {
        let report = cli::Report::of(loaded);
        cli::print(&report.render(cli::Format::Text, cli::Losses::Told))?;
        anyhow::bail!("the contract does not fit the database, and contract.strict is set");
    }
    for problem in &loaded.report.problems {
        tracing::warn!(%problem, "does not fit");
    }
    Ok(())
}

async fn start_example(config: &Config) -> anyhow::Result<Embedded> {
    Ok(embedded::start(settings::embedded(config)).await?)
}

/// The example's contract as files, to be read, changed and served again.
fn example_contract(folder: &Path) -> anyhow::Result<PathBuf> {
    let root = folder.join(EXAMPLE_CONTRACT);
    let (files, _) = embedded::example();
    for (name, text) in files {
        let path = root.join(name);
        let parent = path.parent().unwrap_or(&root);
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(root)
}

fn banner(
    config: &Config,
    served: &Served,
    loaded: &Loaded,
    postgres: &Postgres,
    address: SocketAddr,
) -> Banner {
    let security = match (&config.listener.tls_certificate, &config.listener.tls_client_authorities) {
        (None, _) => Security::Plaintext,
        (Some(_), None) => Security::Tls,
        (Some(_), Some(_)) => Security::MutualTls,
    };
    let plans = &loaded.plans;
    let unfit = plans.resources.iter().filter(|resource| !resource.problems.is_empty()).count();
    let packages = plans.contract.services.iter().map(|service| service.descriptor.package_name().to_owned());
    let mut packages: Vec<String> = packages.collect();
    packages.sort();
    packages.dedup();
    let place = served.example.clone().unwrap_or_else(|| postgres.place().to_owned());
    let (contract, tries) = match served.example {
        Some(_) => (banner::Contract::Example, cli::tries::example(address)),
        None => (banner::Contract::Named(packages.join(", ")), vec![cli::tries::list(security, address)]),
    };
    Banner {
        contract,
        resources: plans.resources.len(),
        resources_unfit: unfit,
        postgres_version: loaded.catalog.server.version / 10_000,
        postgres_place: place,
        address,
        security,
        tries,
    }
}

/// SIGTERM or SIGINT; a second one ends the process at once.
fn stop_signal() -> anyhow::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if told.is_cancelled() {
                std::process::exit(1);
            }
            told.cancel();
        }
    });
    Ok(stop)
}
