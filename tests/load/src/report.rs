//! Outcomes → a table for people, and `target/load/results.json` with an object a line.

use std::fs::File;
use std::io::Write as _;
use std::thread::available_parallelism;

use serde_json::{Value, json};

use crate::arguments::Measure;
use crate::cluster::Database;
use crate::h2load::MANY;
use crate::line::{Floor, Line};
use crate::pairs::Outcome;
use crate::stage::Stage;

pub struct Report {
    file: File,
    conditions: Value,
    missed: usize,
}

impl Report {
    pub fn create(stage: &Stage, measure: &Measure) -> anyhow::Result<Report> {
        let file = File::create(stage.folder.join("results.json"))?;
        let conditions = json!({
            "cores": available_parallelism()?.get(),
            "postgres": stage.cluster.psql(Database::Plain, "SHOW server_version")?,
            "rows": stage.cluster.psql(Database::Plain, "SELECT count(*) FROM pgbench_accounts")?.parse::<u64>()?,
            "slice_seconds": measure.seconds,
            "in_flight": MANY.connections * MANY.calls_each,
        });
        println!(
            "{:<29}{:<23}{:>10}{:>10}  {:<15}{:>6}  {:<15}{:>6}{:>9}",
            "path", "peer", "ours", "peer", "unit", "ratio", "of the pairs", "hits", "floor"
        );
        Ok(Report { file, conditions, missed: 0 })
    }

    pub fn add(&mut self, line: &Line, outcome: &Outcome) -> anyhow::Result<()> {
        let holds = line.floor.holds(outcome.ratio);
        self.missed += usize::from(!holds);
        let (floor, verdict) = match line.floor {
            Floor::AtLeast(least) => (format!("≥ {least:.2}"), if holds { "ok" } else { "short" }),
            Floor::AtMost(most) => (format!("≤ {most:.2}"), if holds { "ok" } else { "short" }),
            Floor::Reported => (String::new(), ""),
        };
        let spread = format!("{:.2} to {:.2}", outcome.spread.0, outcome.spread.1);
        let hits = outcome.hits.map(|hits| format!("{hits:.3}")).unwrap_or_default();
        // What has no peer is a small number, and its own ratio.
        let (ours, peer) = match outcome.peer {
            Some(peer) => (format!("{:.0}", outcome.ours), format!("{peer:.0}")),
            None => (format!("{:.2}", outcome.ours), String::new()),
        };
        println!(
            "{:<29}{:<23}{ours:>10}{peer:>10}  {:<15}{:>6.2}  {spread:<15}{hits:>6}{floor:>9}  {verdict}",
            line.path, line.against, line.unit, outcome.ratio
        );
        let mut conditions = self.conditions.clone();
        conditions["unit"] = json!(line.unit);
        conditions["pairs"] = json!(outcome.pairs);
        conditions["hit_ratio"] = json!(outcome.hits);
        conditions["updates_per_second"] = json!(outcome.updates_per_second);
        conditions["ratio_of_pairs"] = json!([outcome.spread.0, outcome.spread.1]);
        conditions["answer_bytes"] =
            json!({ "ours": outcome.answer_bytes.0, "peer": outcome.answer_bytes.1 });
        let object = json!({
            "path": line.path,
            "against": line.against,
            "ours": outcome.ours,
            "peer": outcome.peer,
            "ratio": outcome.ratio,
            "floor": match line.floor {
                Floor::AtLeast(bound) | Floor::AtMost(bound) => Some(bound),
                Floor::Reported => None,
            },
            "bound": match line.floor {
                Floor::AtLeast(_) => "at least",
                Floor::AtMost(_) => "at most",
                Floor::Reported => "reported",
            },
            "holds": holds,
            "distinct_keys": outcome.distinct_keys,
            "conditions": conditions,
        });
        Ok(writeln!(self.file, "{object}")?)
    }

    /// Whether every floor does.
    pub fn holds(&self) -> bool {
        self.missed == 0
    }
}
