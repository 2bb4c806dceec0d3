//! A statement that took very long → Postgres' plan for it, in the log.
//!
//! Asked for without values: the plan is the generic one, of the statement prepared and executed with NULLs. Nothing is
//! run. One statement is asked for once in a while, however often it is slow.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use tokio::sync::mpsc;

use super::asking::Asking;
use crate::postgres::{self, Ending, Limit, Mode, Ran, Session, Sight, StatementTimeout, Want};
use crate::sql::{Statement, oid};
use crate::telemetry::{self, Slow};

/// Between two plans of one statement.
const PAUSE: Duration = Duration::from_secs(60);
/// Statements that are remembered as explained.
const KNOWN_MAX: usize = 1_000;
/// Postgres has so long.
const EXPLAIN_MAX: Duration = Duration::from_secs(5);
/// Of a plan, as it comes and in the log.
const PLAN_BYTES_MAX: usize = 256 * 1024;
const TOLD_BYTES_MAX: usize = 16 * 1024;
/// To plan is to lock: what is locked for long is not waited for.
const LOCK_MAX: &str = "100ms";

/// Ends when nobody tells of slow statements any more.
pub async fn run(mut slow: mpsc::Receiver<Slow>, asking: Asking) {
    let mut known: FxHashMap<String, Instant> = FxHashMap::default();
    while let Some(Slow { method, ran, trace }) = slow.recv().await {
        let now = Instant::now();
        known.retain(|_, at| now.duration_since(*at) < PAUSE);
        if known.contains_key(&*ran.text) || known.len() >= KNOWN_MAX {
            continue;
        }
        known.insert(ran.text.to_string(), now);
        let statement = ran.about.summary.as_str();
        match explain(&asking, &ran).await {
            Ok(plan) => telemetry::within(&trace, || {
                let duration_ms = ran.time.as_secs_f64() * 1_000.0;
                tracing::warn!(
                    trace_id = %trace, method, statement, text = &*ran.text, duration_ms, plan,
                    "Postgres' plan of a slow statement"
                );
            }),
            Err(error) => tracing::debug!(method, statement, %error, "a slow statement's plan cannot be had"),
        }
    }
}

async fn explain(asking: &Asking, ran: &Ran) -> Result<String, postgres::Error> {
    let want = Want {
        deadline: Instant::now() + EXPLAIN_MAX,
        mode: Mode::Single,
        statement_timeout: StatementTimeout::Net,
        sight: Sight::Untold,
    };
    let mut session = asking.session(want).await?;
    let types = types(&mut session, ran).await?;
    // What is prepared outlives the transaction that fails, so that no other may have its name.
    let name = format!("rowcall_explained_{:08x}", rand::random::<u32>());
    let planned = plan(&mut session, ran, &types, &name).await;
    if planned.is_err() {
        let clear = Statement::own(format!("DEALLOCATE {name}"), []);
        let _ = session.run(&[clear], Ending::Last, Limit::default()).await;
    }
    planned
}

/// The names of the parameters' types.
async fn types(session: &mut Session, ran: &Ran) -> Result<Vec<String>, postgres::Error> {
    if ran.types.is_empty() {
        return Ok(Vec::new());
    }
    let oids: Vec<String> = ran.types.iter().map(ToString::to_string).collect();
    let text = format!(
        "SELECT pg_catalog.format_type(t, NULL) FROM pg_catalog.unnest(ARRAY[{}]::oid[]) WITH ORDINALITY u (t, at) ORDER BY at",
        oids.join(", ")
    );
    let rows = session.run(&[Statement::own(text, [oid::TEXT])], Ending::Last, Limit::default()).await?;
    let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(rows.iter().flat_map(|rows| rows.iter()).filter_map(|row| row.get(0).map(name)).collect())
}

async fn plan(
    session: &mut Session,
    ran: &Ran,
    types: &[String],
    name: &str,
) -> Result<String, postgres::Error> {
    let list = |items: Vec<&str>| match items.is_empty() {
        true => String::new(),
        false => format!("({})", items.join(", ")),
    };
    let typed = list(types.iter().map(String::as_str).collect());
    let nulls = list(types.iter().map(|_| "NULL").collect());
    let statements = [
        Statement::own(
            format!(
                "SELECT pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true), \
                 pg_catalog.set_config('lock_timeout', '{LOCK_MAX}', true)"
            ),
            [oid::TEXT, oid::TEXT],
        ),
        Statement::own(format!("PREPARE {name} {typed} AS {}", ran.text), []),
        Statement::own(format!("EXPLAIN EXECUTE {name} {nulls}"), [oid::TEXT]),
        Statement::own(format!("DEALLOCATE {name}"), []),
    ];
    let rows = session.run(&statements, Ending::Last, Limit { bytes_max: PLAN_BYTES_MAX }).await?;
    let lines = rows.iter().skip(2).flat_map(|rows| rows.iter()).filter_map(|row| row.get(0));
    let lines: Vec<_> = lines.map(String::from_utf8_lossy).collect();
    let mut plan = lines.join("\n");
    if let Some(end) = (0..=TOLD_BYTES_MAX).rev().find(|&at| plan.is_char_boundary(at)) {
        plan.truncate(end);
    }
    Ok(plan)
}
