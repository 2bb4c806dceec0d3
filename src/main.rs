//! The order of life: arguments, settings, the command, an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use rowcall::cli::{self, Arguments, Code, Command};
use rowcall::config;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let loaded = match config::load(arguments.inputs()) {
        Ok(loaded) => loaded,
        Err(error) => return complain(&error, Code::Usage),
    };
    let ended = match arguments.command {
        Command::Config => cli::config(&loaded).map_err(anyhow::Error::from),
        other => Err(anyhow::anyhow!("{other:?} waits for the server")),
    };
    ended.map_or_else(|error| complain(&error, Code::Failed), ExitCode::from)
}

/// The error and what it came from, on standard error.
fn complain(error: &dyn std::fmt::Display, code: Code) -> ExitCode {
    anstream::eprintln!("rowcall: {error:#}");
    code.into()
}
