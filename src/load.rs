//! A contract's files and a database → plans: what serving, checking and explaining begin with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::catalog::{self, Catalog};
use crate::contract::options::Reason;
use crate::contract::{self, Contract, Problem, Shape, Source};
use crate::plan::{self, Plans, Report};
use crate::postgres::{self, Mode, Postgres, Sight, StatementTimeout, Want};

/// How long reading the catalog may take.
const INTROSPECT_MAX: Duration = Duration::from_secs(30);

/// Readings until two agree; where DDL never rests, the last is as good as any.
const READINGS_MAX: usize = 5;

/// While there is no database, so long a pause, growing, until it is said again why.
const AGAIN_FIRST: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(30);

/// Everything that a load found.
#[derive(Debug)]
pub struct Loaded {
    pub plans: Plans,
    pub report: Report,
    pub catalog: Catalog,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}", lines(.0))]
    Contract(Vec<Problem>),
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    #[error("cannot read the database's catalog")]
    Catalog(#[source] catalog::introspect::Error),
}

impl Error {
    /// Whether waiting for the database may help. A wrong password or database name is among them:
    /// either may be put right without us.
    pub fn unreachable(&self) -> bool {
        let error = match self {
            Error::Postgres(error) | Error::Catalog(catalog::introspect::Error::Postgres(error)) => error,
            Error::Contract(_) | Error::Catalog(_) => return false,
        };
        matches!(
            error.reason(),
            Reason::DatabaseUnreachable
                | Reason::DatabaseBusy
                | Reason::DeadlinePassed
                | Reason::StatementCancelled
        )
    }
}

/// Reads and compiles the files.
pub async fn contract(paths: Vec<PathBuf>) -> Result<Arc<Contract>, Error> {
    let loading = tokio::task::spawn_blocking(move || contract::load(&Source { paths }));
    match loading.await {
        Ok(loaded) => Ok(Arc::new(loaded.map_err(Error::Contract)?)),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// Reads the catalog and makes plans.
pub async fn plans(contract: Arc<Contract>, postgres: &Postgres) -> Result<Loaded, Error> {
    let begun = Instant::now();
    let catalog = catalog(&contract, postgres).await?;
    Ok(compiled(contract, catalog, begun))
}

/// The same in place of plans that serve: what DDL undid while it was read is no reason to give them
/// up, so it is read until two readings agree.
pub async fn settled_plans(contract: Arc<Contract>, postgres: &Postgres) -> Result<Loaded, Error> {
    let mut loaded = plans(contract.clone(), postgres).await?;
    for _ in 1..READINGS_MAX {
        let begun = Instant::now();
        let catalog = catalog(&contract, postgres).await?;
        if catalog.fingerprint == loaded.catalog.fingerprint {
            break;
        }
        loaded = compiled(contract.clone(), catalog, begun);
    }
    Ok(loaded)
}

async fn catalog(contract: &Contract, postgres: &Postgres) -> Result<Catalog, Error> {
    let want = Want {
        deadline: Instant::now() + INTROSPECT_MAX,
        mode: Mode::Single,
        statement_timeout: StatementTimeout::Net,
        sight: Sight::Untold,
    };
    let mut session = postgres.session(want).await?;
    catalog::introspect::introspect(&mut session, &queries(contract)).await.map_err(Error::Catalog)
}

fn compiled(contract: Arc<Contract>, catalog: Catalog, read_at: Instant) -> Loaded {
    let (mut plans, report) = plan::compile(contract, &catalog);
    plans.read_at = Some(read_at);
    plans.read_since = catalog.since;
    Loaded { plans, report, catalog }
}

/// The same, as soon as there is a database; until then the log says why there is none.
pub async fn plans_when_reachable(contract: Arc<Contract>, postgres: &Postgres) -> Result<Loaded, Error> {
    let mut reachable = postgres.reachable();
    let mut pause = AGAIN_FIRST;
    loop {
        reachable.mark_unchanged();
        match plans(contract.clone(), postgres).await {
            Err(error) if error.unreachable() => {
                tracing::warn!("waiting for the database: {:#}", anyhow::Error::from(error));
            }
            done => return done,
        }
        // The pool looks for the database meanwhile, so that a long pause delays nothing.
        let back = async { while reachable.changed().await.is_ok() && !*reachable.borrow() {} };
        let _ = timeout(pause, back).await;
        pause = (pause * 2).min(AGAIN_MAX);
    }
}

fn queries(contract: &Contract) -> Vec<(String, String)> {
    let methods = contract.services.iter().flat_map(|service| &service.methods);
    let shapes = methods.filter_map(|method| method.shape.as_ref().ok());
    let queries = shapes.filter_map(|shape| match shape {
        Shape::Query { path, text, .. } => Some((path.clone(), text.clone())),
        _ => None,
    });
    queries.collect()
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}
