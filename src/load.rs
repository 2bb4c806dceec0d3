//! A contract's files and a database → plans: what serving, checking and explaining begin with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::catalog::{self, Catalog};
use crate::contract::options::Reason;
use crate::contract::{self, Contract, Problem, Shape, Source};
use crate::plan::{self, Plans, Report};
use crate::postgres::{self, Mode, Postgres, StatementTimeout, Want};

/// How long reading the catalog may take.
const INTROSPECT_MAX: Duration = Duration::from_secs(30);

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
    /// Whether waiting for the database may help.
    pub fn unreachable(&self) -> bool {
        let of = |error: &postgres::Error| {
            matches!(
                error.reason(),
                Reason::DatabaseUnreachable
                    | Reason::DatabaseBusy
                    | Reason::DeadlinePassed
                    | Reason::StatementCancelled
            )
        };
        match self {
            Error::Contract(_) => false,
            Error::Postgres(error) => of(error),
            Error::Catalog(catalog::introspect::Error::Postgres(error)) => of(error),
            Error::Catalog(_) => false,
        }
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
    let want = Want {
        deadline: Instant::now() + INTROSPECT_MAX,
        mode: Mode::Single,
        statement_timeout: StatementTimeout::Net,
    };
    let mut session = postgres.session(want).await?;
    let catalog =
        catalog::introspect::introspect(&mut session, &queries(&contract)).await.map_err(Error::Catalog)?;
    drop(session);
    let (plans, report) = plan::compile(contract, &catalog);
    Ok(Loaded { plans, report, catalog })
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
