//! The order of life: arguments, settings, the log, the command, an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use mimalloc::MiMalloc;
use rowcall::app;
use rowcall::cli::{self, Arguments, Code, Command, source};
use rowcall::config::{self, Config, Loaded};
use rowcall::telemetry::{self, Telemetry};
use tokio::runtime::Runtime;

/// A call allocates and frees some hundred times, often on two threads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
    let runtime = runtime(config)?;
    let _entered = runtime.enter();
    let telemetry = match command {
        Command::Serve(_) => app::telemetry(config)?,
        _ => Telemetry::default(),
    };
    telemetry::start_log(&config.log, &telemetry)?;
    telemetry.catch_panics();
    match command {
        Command::Serve(_) => runtime.block_on(app::serve(config, source::to_serve(config)?, telemetry)),
        Command::Check(check) => {
            let (contract, database) = (source::contract(config)?, source::database(config)?);
            runtime.block_on(app::check(config, contract, database, check))
        }
        Command::Migrate(migrate) => {
            let contract = if migrate.down { Vec::new() } else { source::contract(config)? };
            let database = source::database(config)?;
            runtime.block_on(app::migrate(config, contract, database, migrate))
        }
        Command::Explain(explain) => {
            let (contract, database) = (source::contract(config)?, source::database(config)?);
            runtime.block_on(app::explain(config, contract, database, explain))
        }
        Command::Export(export) => cli::export(config, export),
        Command::Config => Ok(cli::config(loaded)?),
    }
}

fn runtime(config: &Config) -> std::io::Result<Runtime> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if config.runtime.workers > 0 {
        runtime.worker_threads(config.runtime.workers);
    }
    runtime.enable_all().build()
}

/// The error and what it came from, on standard error.
fn complain(error: &dyn std::fmt::Display, code: Code) -> ExitCode {
    anstream::eprintln!("rowcall: {error:#}");
    code.into()
}
