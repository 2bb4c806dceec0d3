//! Composes: the database, the plans, the listener and our own loops, in the order of their life.

mod inspect;
mod settings;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cli::banner::{self, Banner, Security};
use crate::cli::{self, Code, Source};
use crate::config::Config;
use crate::embedded::{self, Embedded};
use crate::grpc::{Server, Signs};
use crate::load::{self, Loaded};
use crate::pipeline::Pipeline;
use crate::postgres::Postgres;
use crate::upkeep::reload::Reload;

pub use inspect::{check, explain};

/// Between attempts to reach a database that is not there when we start.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Where the example's contract is put, in the folder of its database.
const EXAMPLE_CONTRACT: &str = "contract";

/// `rowcall serve`, from the first connection to the last call.
pub async fn serve(config: &Config, source: Source) -> anyhow::Result<Code> {
    let stop = stop_signal()?;
    match source {
        Source::Given { contract, database } => {
            let place = place(database.reveal());
            let database = database.reveal().to_owned();
            run(config, Served { contract, database, place, name: None }, stop).await
        }
        Source::Example => {
            let embedded = start_example(config).await?;
            let served = Served {
                contract: vec![example_contract(embedded.folder())?],
                database: embedded.url(),
                place: embedded.folder().display().to_string(),
                name: Some(banner::Contract::Example),
            };
            let exited = embedded.exited();
            let ended = tokio::select! {
                ended = run(config, served, stop.clone()) => ended,
                how = exited => Err(anyhow::anyhow!("the embedded Postgres has ended: {how}")),
            };
            embedded.stop().await;
            ended
        }
    }
}

/// What is served and how the banner calls it.
struct Served {
    contract: Vec<PathBuf>,
    database: String,
    place: String,
    name: Option<banner::Contract>,
}

async fn run(config: &Config, served: Served, stop: CancellationToken) -> anyhow::Result<Code> {
    let server = Server::bind(settings::grpc(config)).await?;
    let postgres = Postgres::new(settings::postgres(config, &served.database))?;
    let contract = load::contract(served.contract.clone()).await?;
    let Some(loaded) = load_when_reachable(contract, &postgres, &stop).await? else {
        return Ok(Code::Done);
    };
    if config.contract.strict && !loaded.report.problems.is_empty() {
        let report = cli::Report::of(&loaded);
        cli::print(&report.render(cli::Format::Text, cli::Losses::Told))?;
        return Ok(Code::Failed);
    }
    for problem in &loaded.report.problems {
        tracing::warn!(%problem, "does not fit");
    }
    cli::print(&banner(config, &served, &loaded, &server).to_string())?;

    let pipeline =
        Pipeline::new(loaded.plans, postgres.clone(), settings::keys(config), settings::pipeline(config));
    let pipeline = Arc::new(pipeline);
    let (loads, loaded) = watch::channel(0);
    let certificates = server.certificates();
    let reload = Reload { pipeline: pipeline.clone(), contract: served.contract, certificates, loads };
    let reloading = tokio::spawn(reload.run());
    let signs = Signs { database: postgres.reachable(), loads: loaded, drain: stop };
    server.serve(pipeline, signs).await;
    reloading.abort();
    postgres.close().await;
    Ok(Code::Done)
}

/// A database that is not there yet is waited for; None when told to stop meanwhile.
async fn load_when_reachable(
    contract: Arc<crate::contract::Contract>,
    postgres: &Postgres,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Loaded>> {
    let mut pause = RETRY_FIRST;
    loop {
        match load::plans(contract.clone(), postgres).await {
            Ok(loaded) => return Ok(Some(loaded)),
            Err(error) if error.unreachable() => {
                tracing::warn!("waiting for the database: {:#}", anyhow::Error::from(error));
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(RETRY_MAX),
        }
    }
}

async fn start_example(config: &Config) -> anyhow::Result<Embedded> {
    let settings = embedded::Settings {
        folder: config.embedded.directory.clone(),
        start_max: config.embedded.start_max,
        stop_max: config.embedded.stop_max,
        ..embedded::Settings::default()
    };
    Ok(embedded::start(settings).await?)
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

fn banner(config: &Config, served: &Served, loaded: &Loaded, server: &Server) -> Banner {
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
    let address = server.local_addr();
    let tries = match served.name {
        Some(_) => cli::tries::example(address),
        None => vec![cli::tries::list(security, address)],
    };
    Banner {
        contract: served.name.clone().unwrap_or_else(|| banner::Contract::Named(packages.join(", "))),
        resources: plans.resources.len(),
        resources_unfit: unfit,
        postgres_version: loaded.catalog.server.version / 10_000,
        postgres_place: served.place.clone(),
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

/// Where a database is, without any secret.
fn place(url: &str) -> String {
    match url.split_once("://") {
        Some((_, rest)) => {
            // Parameters first: a password may be among them, and may have an @.
            let place = rest.split('?').next().unwrap_or_default();
            place.rsplit_once('@').map_or(place, |(_, place)| place).to_owned()
        }
        None => url
            .split_whitespace()
            .filter(|pair| ["host=", "hostaddr=", "dbname="].iter().any(|key| pair.starts_with(key)))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_place_has_no_secret() {
        for (url, expected) in [
            ("postgres://ann:s3cret@db:5432/shop?sslmode=require", "db:5432/shop"),
            ("postgres://db/shop?user=ann&password=s@cret", "db/shop"),
            ("host=db dbname=shop password=s3cret", "host=db dbname=shop"),
        ] {
            assert_eq!(place(url), expected);
        }
    }
}
