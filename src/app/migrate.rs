//! `rowcall migrate`: what the database needs to tell of changes, made, upgraded or removed.
//!
//! Every table has a transaction of its own, which waits for its lock only shortly: whoever waits for a lock has all later
//! writers wait behind it. A table that stays busy is tried again, and in the end it is said who holds it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::time::sleep;

use super::settings;
use crate::catalog::Oid;
use crate::cli::{self, Code, arguments};
use crate::config::{self, Config, Secret};
use crate::feed::schema;
use crate::feed::standing::{self, Standing, Transaction};
use crate::load;
use crate::postgres::{self, Ending, Limit, Mode, Postgres, Session, Sight, StatementTimeout, Want};
use crate::sql::{Identifier, Statement, oid};
use crate::telemetry::Telemetry;

/// Beside the wait for locks.
const TRANSACTION_MAX: Duration = Duration::from_secs(60);

/// Somebody else has the lock, or waits for ours.
const BUSY: [&str; 2] = ["55P03", "40P01"];

/// The same for a database of our own, as it stands; nothing is printed.
pub async fn quietly(config: &Config, contract: Vec<PathBuf>, url: &str) -> anyhow::Result<()> {
    let postgres = Postgres::new(settings::writing(config, url, &Telemetry::default()))?;
    let (transactions, _) = wanted(&postgres, contract, None).await?;
    apply(&postgres, &config.feed, &transactions, |_| Ok(())).await?;
    postgres.close().await;
    Ok(())
}

pub async fn migrate(
    config: &Config,
    contract: Vec<PathBuf>,
    database: Secret,
    migrate: &arguments::Migrate,
) -> anyhow::Result<Code> {
    let postgres = Postgres::new(settings::writing(config, database.reveal(), &Telemetry::default()))?;
    let (transactions, standing) = match migrate.down {
        true => {
            let standing = standing(&postgres, &[]).await?;
            (standing.down(), standing)
        }
        false => {
            let role = migrate.role.as_deref().map(Identifier::new);
            wanted(&postgres, contract, role.as_ref()).await?
        }
    };
    if migrate.dry_run {
        cli::print(&text(&transactions, config.feed.lock_max))?;
    } else {
        refuse_foreign(&standing)?;
        let done = if migrate.down { "removed" } else { "done" };
        let tell = |subject: &str| cli::print(&format!("{subject}: {done}\n"));
        apply(&postgres, &config.feed, &transactions, tell).await?;
        if transactions.is_empty() {
            cli::print("Nothing to do.\n")?;
        }
    }
    postgres.close().await;
    Ok(Code::Done)
}

/// What has to be done for a contract, and what there is.
async fn wanted(
    postgres: &Postgres,
    contract: Vec<PathBuf>,
    role: Option<&Identifier>,
) -> anyhow::Result<(Vec<Transaction>, Standing)> {
    let contract = load::contract(contract).await?;
    let load::Loaded { plans, catalog, .. } = load::plans(contract, postgres).await?;
    let roots: Vec<Oid> = plans.recorded.iter().map(|recorded| recorded.table).collect();
    let standing = standing(postgres, &roots).await?;
    refuse_newer(&standing)?;
    Ok((standing.migrate(&plans.recorded, &catalog, role), standing))
}

/// What is there of ours, and about the roots.
async fn standing(postgres: &Postgres, roots: &[Oid]) -> anyhow::Result<Standing> {
    let mut session = session(postgres, TRANSACTION_MAX).await?;
    let standing: Standing = serde_json::from_value(session.json(&standing::question(roots)).await?)?;
    if !standing.state {
        return Ok(standing);
    }
    let details =
        session.json(standing::DETAILS).await.context("cannot read the schema rowcall that is there")?;
    Ok(standing.with(serde_json::from_value(details)?))
}

fn refuse_newer(standing: &Standing) -> anyhow::Result<()> {
    match standing.version {
        Some(version) if version > schema::VERSION => bail!(
            "the schema rowcall is of version {version}, and this Rowcall knows up to {}: use a newer one",
            schema::VERSION
        ),
        _ => Ok(()),
    }
}

fn refuse_foreign(standing: &Standing) -> anyhow::Result<()> {
    let foreign = standing.foreign();
    if foreign.is_empty() {
        return Ok(());
    }
    bail!(
        "only its owner can put triggers on a table, and {} is not: {}; run `rowcall migrate` as the owner",
        standing.role,
        foreign.join(", ")
    )
}

fn text(transactions: &[Transaction], lock_max: Duration) -> String {
    let mut text = String::new();
    for transaction in transactions {
        text.push_str(&format!("-- {}\n", transaction.subject));
        transaction.whole(lock_max).iter().for_each(|statement| text.push_str(&format!("{statement};\n")));
        text.push('\n');
    }
    match transactions.is_empty() {
        true => "-- Nothing to do.\n".to_owned(),
        false => text,
    }
}

async fn apply(
    postgres: &Postgres,
    limits: &config::Feed,
    transactions: &[Transaction],
    tell: impl Fn(&str) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    for transaction in transactions {
        let mut attempt = 1;
        while let Err(error) = run(postgres, transaction, limits.lock_max).await {
            let busy = matches!(&error, postgres::Error::Sql(failure) if BUSY.contains(&&*failure.state));
            if !busy {
                return Err(advise(error, transaction));
            }
            if attempt >= limits.lock_attempts {
                let holders = holders(postgres, transaction.table).await?;
                bail!(
                    "{} stayed busy through {attempt} attempts of {:?}: {holders}; what came before it is done, and the command goes on from there when it is run again",
                    transaction.subject,
                    limits.lock_max
                );
            }
            attempt += 1;
            sleep(limits.lock_max).await;
        }
        tell(&transaction.subject)?;
    }
    Ok(())
}

async fn run(
    postgres: &Postgres,
    transaction: &Transaction,
    lock_max: Duration,
) -> Result<(), postgres::Error> {
    let statement = |text: String| Statement::own(text, []);
    let statements: Vec<Statement> = transaction.whole(lock_max).into_iter().map(statement).collect();
    let locks = u32::try_from(statements.len()).unwrap_or(u32::MAX);
    let mut session = session(postgres, TRANSACTION_MAX + lock_max.saturating_mul(locks)).await?;
    session.run(&statements, Ending::Last, Limit::default()).await?;
    Ok(())
}

fn advise(error: postgres::Error, transaction: &Transaction) -> anyhow::Error {
    let denied = matches!(&error, postgres::Error::Sql(failure) if failure.state == "42501");
    let hint = match denied && transaction.table.is_none() {
        true => {
            ": let the role make it (GRANT CREATE ON DATABASE), or have it made for it (CREATE SCHEMA rowcall AUTHORIZATION)"
        }
        false => "",
    };
    anyhow::Error::from(error).context(format!("{} could not be changed{hint}", transaction.subject))
}

/// Who holds a lock on a table, for people.
async fn holders(postgres: &Postgres, table: Option<Oid>) -> anyhow::Result<String> {
    let table = table.unwrap_or(0);
    let text = format!(
        "SELECT coalesce(pg_catalog.string_agg(DISTINCT pg_catalog.format('process %s of %s (%s%s) holds it since %s', a.pid, a.usename, \
        a.state, CASE WHEN a.application_name <> '' THEN ', ' || a.application_name ELSE '' END, \
        pg_catalog.date_trunc('second', a.xact_start)), ', '), 'nobody holds it by now') \
        FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
        WHERE l.relation = {table} AND l.granted AND a.pid <> pg_catalog.pg_backend_pid() \
        AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')"
    );
    let statement = Statement::own(text, [oid::TEXT]);
    let mut session = session(postgres, TRANSACTION_MAX).await?;
    let rows = session.run(&[statement], Ending::Last, Limit::default()).await?;
    let said = rows.last().and_then(|rows| rows.row(0)?.get(0)).unwrap_or_default();
    Ok(String::from_utf8_lossy(said).into_owned())
}

async fn session(postgres: &Postgres, within: Duration) -> Result<Session, postgres::Error> {
    let want = Want {
        deadline: Instant::now() + within,
        mode: Mode::Single,
        statement_timeout: StatementTimeout::Net,
        sight: Sight::Untold,
    };
    postgres.session(want).await
}
