//! The order of life: arguments, settings, the command, an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use rowcall::cli::{self, Arguments, Code, Command, Source, source};
use rowcall::config::{self, Loaded};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let loaded = match config::load(arguments.inputs()) {
        Ok(loaded) => loaded,
        Err(error) => return complain(&error, Code::Usage),
    };
    run(&arguments.command, &loaded)
        .map_or_else(|error| complain(&error, cli::code_of(&error)), ExitCode::from)
}

fn run(command: &Command, loaded: &Loaded) -> anyhow::Result<Code> {
    let config = &loaded.config;
    match command {
        Command::Serve(_) => match source::to_serve(config)? {
            Source::Example => anyhow::bail!("the example waits for app"),
            Source::Given { .. } => anyhow::bail!("serve waits for app"),
        },
        Command::Check(_) => {
            let (_contract, _database) = (source::contract(config)?, source::database(config)?);
            anyhow::bail!("check waits for app")
        }
        Command::Explain(_) => {
            let (_contract, _database) = (source::contract(config)?, source::database(config)?);
            anyhow::bail!("explain waits for app")
        }
        Command::Export(export) => cli::export(config, export),
        Command::Config => Ok(cli::config(loaded)?),
    }
}

/// The error and what it came from, on standard error.
fn complain(error: &dyn std::fmt::Display, code: Code) -> ExitCode {
    anstream::eprintln!("rowcall: {error:#}");
    code.into()
}
