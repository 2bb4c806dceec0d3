//! `rowcall check` and `rowcall explain`: a contract held against a database, without serving.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};

use super::settings;
use crate::cache;
use crate::call::{Call, Deadline, Hints, Scope};
use crate::catalog::Catalog;
use crate::cli::arguments::{Check, Explain};
use crate::cli::{self, Code, Explained, Explanation, Report};
use crate::config::{Config, Secret};
use crate::contract::Problem;
use crate::feed::Feed;
use crate::load::{self, Loaded};
use crate::pipeline::{Pipeline, Planned};
use crate::plan::value::ValueType;
use crate::plan::{Method, Plans};
use crate::postgres::{Ending, Limit, Mode, Postgres, Servers, Sight, StatementTimeout, Want};
use crate::sql::{self, Statement};
use crate::telemetry::Telemetry;
use crate::upkeep::feed;
use crate::wire::{self, UnknownKeys};

/// Prints what does not fit, what is lost and which index is missing.
pub async fn check(
    config: &Config,
    contract: Vec<PathBuf>,
    database: Secret,
    check: &Check,
) -> anyhow::Result<Code> {
    let (loaded, postgres) = match load(config, contract, database).await {
        Ok(found) => found,
        Err(load::Error::Contract(problems)) => {
            let report = Report { problems, ..Report::default() };
            return Ok(cli::check(&report, check)?);
        }
        Err(error) => return Err(error.into()),
    };
    let mut report = Report::of(&loaded);
    report.unfollowed = unfollowed(Arc::new(loaded.plans), &postgres, config).await;
    postgres.close().await;
    Ok(cli::check(&report, check)?)
}

/// Where changes are followed at all: the resources of which they are not.
async fn unfollowed(plans: Arc<Plans>, postgres: &Postgres, config: &Config) -> Vec<Problem> {
    let Some(following) = feed::glance(postgres, &plans, settings::feed(config)).await else {
        return Vec::new();
    };
    let serves = plans.resources.iter().zip(&plans.contract.resources);
    let serves = serves.filter(|(resource, _)| resource.problems.is_empty());
    let unfollowed = serves.filter_map(|(resource, promised)| {
        let depends = &resource.depends;
        let why = depends.unfollowed.or_else(|| following.untracked(&depends.tables))?;
        let (place, subject) = (promised.place.clone(), resource.message.name().to_owned());
        Some(Problem { place, subject, text: why.advice().to_owned() })
    });
    unfollowed.collect()
}

/// Prints the plan, the SQL and Postgres' EXPLAIN for a call.
pub async fn explain(
    config: &Config,
    contract: Vec<PathBuf>,
    database: Secret,
    explain: &Explain,
) -> anyhow::Result<Code> {
    let (loaded, postgres) = load(config, contract, database).await?;
    let Loaded { plans, catalog, .. } = loaded;
    let method = find(&plans, &explain.method)?;
    let request = request(&method.input, &explain.request)?;
    let servers = Servers::alone(postgres.clone());
    let pipeline = {
        // Nothing is answered here, so nothing is followed.
        let feed = Feed::new(cache::Limits::default(), Instant::now());
        Pipeline::new(plans, servers, (feed, None), settings::keys(config), settings::pipeline(config))
    };
    let started = Instant::now();
    let deadline = Deadline::Given(started + config.limits.deadline_default);
    let call = Call { started, deadline, scope: Scope::default(), hints: Hints::default() };
    let plans = pipeline.plans();
    let planned = pipeline
        .statements(&plans, &method, &call, request.encode_to_vec().into())
        .map_err(|error| anyhow::anyhow!("{}", said(&error)))?;
    let mut statements = Vec::new();
    for Planned { purpose, statement } in planned {
        let explain = explained(&postgres, &statement, call.deadline.at(started)).await?;
        let values = statement.params.iter().map(|param| value(&catalog, param)).collect();
        statements.push(Explained { purpose, sql: statement.text.to_string(), values, explain });
    }
    postgres.close().await;
    let plan = vec![method.kind.summary(&plans)];
    let explanation =
        Explanation { method: method.path.trim_start_matches('/').to_owned(), plan, statements };
    Ok(cli::explain(&explanation)?)
}

async fn load(
    config: &Config,
    contract: Vec<PathBuf>,
    database: Secret,
) -> Result<(Loaded, Postgres), load::Error> {
    let contract = load::contract(contract).await?;
    let postgres = Postgres::new(settings::postgres(config, database.reveal(), &Telemetry::default()))?;
    let loaded = load::plans(contract, &postgres).await?;
    Ok((loaded, postgres))
}

/// By its own name, when only one method has it, or in full.
fn find(plans: &Plans, name: &str) -> anyhow::Result<Arc<Method>> {
    let full = format!("/{}", name.trim_start_matches('/'));
    if let Some(method) = plans.methods.get(&full) {
        return Ok(method.clone());
    }
    let mut named = plans.methods.values().filter(|method| method.path.rsplit('/').next() == Some(name));
    match (named.next(), named.next()) {
        (Some(method), None) => Ok(method.clone()),
        (Some(_), Some(_)) => {
            anyhow::bail!("several services have a method {name}: name it in full, package.Service/Method")
        }
        _ => {
            let names = plans.methods.values().filter_map(|method| method.path.rsplit('/').next());
            let hint = crate::nearest::hint(name, names);
            anyhow::bail!("the contract has no method {name}{hint}")
        }
    }
}

fn request(input: &MessageDescriptor, json: &str) -> anyhow::Result<DynamicMessage> {
    wire::message_from_json(input, json, UnknownKeys::Refused)
        .with_context(|| format!("the request is no {} in JSON", input.full_name()))
}

async fn explained(
    postgres: &Postgres,
    statement: &Statement,
    deadline: Instant,
) -> anyhow::Result<Vec<String>> {
    // An estimate asks for nothing but a plan, and a plan has none of its own.
    if statement.text.starts_with("EXPLAIN ") {
        return Ok(Vec::new());
    }
    let explain = Statement {
        text: format!("EXPLAIN {}", statement.text).into(),
        params: statement.params.clone(),
        columns: [sql::oid::TEXT].into(),
        about: None,
    };
    let want =
        Want { deadline, mode: Mode::Single, statement_timeout: StatementTimeout::Net, sight: Sight::Untold };
    let mut session = postgres.session(want).await?;
    let rows = session.run(std::slice::from_ref(&explain), Ending::Last, Limit::default()).await?;
    let lines = rows.iter().flat_map(|rows| rows.iter()).filter_map(|row| row.get(0));
    Ok(lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect())
}

fn value(catalog: &Catalog, param: &sql::Param) -> String {
    let Some(bytes) = &param.value else { return "NULL".to_owned() };
    let mut text = String::new();
    ValueType::of(catalog, param.oid).format(bytes, &mut text);
    text
}

/// An error with what it came from; a request's faults by field.
fn said(error: &crate::Error) -> String {
    match error {
        crate::Error::Refused(refusal) => refusal.to_string(),
        crate::Error::Unfit { problems, .. } => {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}
