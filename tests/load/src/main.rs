//! How fast Rowcall is beside its peers → a table of ratios, and whether each floor holds.

mod arguments;
mod check;
mod client;
mod cluster;
mod gone;
mod h2load;
mod keys;
mod line;
mod pairs;
mod peer;
mod pgbench;
mod port;
mod redis;
mod report;
mod rest;
mod script;
mod server;
mod sharing;
mod side;
mod stage;
mod writer;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};

/// The messages and services of the contract.
#[allow(clippy::all, reason = "generated")]
mod api {
    tonic::include_proto!("load.v1");
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Measure(measure) => run(&measure),
        Command::Serve { peer } => peer::serve(peer).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("load: {error:#}");
        ExitCode::FAILURE
    })
}

/// Fails when a floor is missed.
fn run(measure: &arguments::Measure) -> anyhow::Result<ExitCode> {
    let stage = stage::Stage::build()?;
    let lines = line::all().into_iter().filter(|line| measure.wants(line.path));
    let mut report = report::Report::create(&stage, measure)?;
    for line in lines {
        report.add(&line, &pairs::measure(&stage, &line, measure)?)?;
    }
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
