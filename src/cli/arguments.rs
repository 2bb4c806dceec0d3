//! The command line → a command and the settings that its flags stand for.

use std::env;
use std::path::{Path, PathBuf};

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Style};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{self, Inputs};

const STYLES: Styles = Styles::styled()
    .header(Style::new().bold())
    .usage(Style::new().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(Style::new());

const ABOUT: &str = "Serves the tables of a Postgres database as gRPC, from a .proto file.";

const EXAMPLES: &str = "\
Examples:
  rowcall serve                            an example, with a Postgres of its own
  rowcall serve --contract proto/          your contract, over the database in DATABASE_URL
  rowcall check --contract proto/          whether the contract fits the database
  rowcall migrate --contract proto/        has the database tell of changes
  rowcall config                           the settings in force, and where each comes from

Settings come from flags, over the environment (ROWCALL_POSTGRES_CONNECTIONS_MAX=20, DATABASE_URL),
over rowcall.toml, over defaults. Colours are for terminals, and not when NO_COLOR is set.

Exit codes:
  0  done
  1  failed
  2  the command line or a setting is wrong
  3  the database cannot be reached";

const CHECK_CODES: &str = "\
Exit codes:
  0  the contract fits the database
  1  it does not; with --strict, a loss counts too
  2  the command line or a setting is wrong
  3  the database cannot be reached

Examples:
  rowcall check --contract proto/
  rowcall check --contract proto/ --strict --format github";

const SERVE_NOTES: &str = "\
With neither a contract nor a database, an example is served from a Postgres of its own, on
127.0.0.1 only. SIGTERM ends the running calls first; SIGHUP reads the contract and the database
again.

Examples:
  rowcall serve
  rowcall serve --contract proto/ --database postgres://localhost/shop
  rowcall serve --contract shop.binpb --listen 0.0.0.0:50051 --set postgres.connections_max=40";

const MIGRATE_NOTES: &str = "\
Makes the schema rowcall, and triggers on the tables that the contract serves, or brings them up to
date; what is as it should be is left alone. Run it as the role that owns the tables, which need not
be a superuser, and again when the contract or the tables have changed. A busy table is waited for
in short steps, so that its writers are not held up.

Examples:
  rowcall migrate --contract proto/ --dry-run
  rowcall migrate --contract proto/ --role app     serve connects as app
  rowcall migrate --down                           nothing of Rowcall is left";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  rowcall explain --contract proto/ ListTracks
  rowcall explain --contract proto/ ListTracks '{\"filter\": \"length > 200s\", \"page_size\": 2}'";

const EXPORT_EXAMPLES: &str = "\
Examples:
  rowcall export --contract proto/ out/            everything the contract imports, too
  rowcall export --contract proto/ out/ --plain    for those who generate clients";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "rowcall", version, about = ABOUT, after_help = EXAMPLES, styles = STYLES)]
#[command(max_term_width = 100, subcommand_help_heading = "Commands", disable_help_subcommand = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,

    #[command(flatten)]
    settings: SettingFlags,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
struct SettingFlags {
    /// Read settings from this file; by default rowcall.toml, when it is there.
    #[arg(long, global = true, value_name = "FILE", env = config::FILE_VARIABLE, hide_env = true)]
    config: Option<PathBuf>,

    /// Set one setting: `--set pages.size_max=500`; the README lists them all.
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve a contract over a database.
    #[command(after_help = SERVE_NOTES)]
    Serve(Serve),

    /// Check whether a contract fits a database: problems, missing indexes, losses.
    #[command(after_help = CHECK_CODES)]
    Check(Check),

    /// Have the database tell of changes, so that answers can be kept: a schema and triggers.
    #[command(after_help = MIGRATE_NOTES)]
    Migrate(Migrate),

    /// Show the plan, the SQL and Postgres' EXPLAIN for a call.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(Explain),

    /// Write the contract with everything it imports.
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(Export),

    /// Print the settings in force, and where each comes from.
    Config,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub struct ContractFlag {
    /// A folder of .proto files, a .proto file, or a compiled descriptor set; may be repeated.
    #[arg(long, value_name = "PATH")]
    contract: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub struct DatabaseFlag {
    /// The database; DATABASE_URL keeps its password out of the list of processes.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    contract: ContractFlag,
    #[command(flatten)]
    database: DatabaseFlag,

    /// The address callers connect to.
    #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Settings")]
    listen: Option<String>,

    /// Refuse to start when a resource does not fit the database, instead of leaving it out.
    #[arg(long, help_heading = "Settings")]
    strict: bool,
}

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    contract: ContractFlag,
    #[command(flatten)]
    database: DatabaseFlag,

    /// Count losses as problems: columns whose NULL the field cannot tell from a value, and the like.
    #[arg(long, help_heading = "Report")]
    pub strict: bool,

    /// How the report is written.
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Report")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Migrate {
    #[command(flatten)]
    contract: ContractFlag,
    #[command(flatten)]
    database: DatabaseFlag,

    /// Print the SQL, ready for psql, instead of running it.
    #[arg(long, help_heading = "What is done")]
    pub dry_run: bool,

    /// Remove the triggers and the schema.
    #[arg(long, conflicts_with = "role", help_heading = "What is done")]
    pub down: bool,

    /// Grant what `serve` needs to this role, when it is another.
    #[arg(long, value_name = "NAME", help_heading = "What is done")]
    pub role: Option<String>,
}

#[derive(Debug, Args)]
pub struct Explain {
    #[command(flatten)]
    contract: ContractFlag,
    #[command(flatten)]
    database: DatabaseFlag,

    /// The method: `ListTracks`, or in full `chinook.v1.ChinookService/ListTracks`.
    #[arg(value_name = "METHOD", help_heading = "Arguments")]
    pub method: String,

    /// The request.
    #[arg(value_name = "JSON", default_value = "{}", help_heading = "Arguments")]
    pub request: String,
}

#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    contract: ContractFlag,

    /// The folder to write to; it is made when it is not there.
    #[arg(value_name = "DIR", help_heading = "Arguments")]
    pub directory: PathBuf,

    /// Leave out the `rowcall.v1` options, which name tables and columns.
    #[arg(long, help_heading = "Output")]
    pub plain: bool,
}

/// How a report is written: for people, as one object for programs, as annotations of a GitHub workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Github,
}

impl Arguments {
    /// The flags, the environment and the settings file, to be read by `config::load`.
    pub fn inputs(&self) -> Inputs {
        let mut flags = Vec::new();
        for (name, value) in &self.settings.set {
            flags.push(("--set", name.clone(), value.clone()));
        }
        self.command.flags(&mut flags);
        let nearby = || Path::new(config::FILE).exists().then(|| config::FILE.into());
        Inputs {
            file: self.settings.config.clone().or_else(nearby),
            environment: env::vars_os().collect(),
            flags,
        }
    }
}

type Flags = Vec<(&'static str, String, String)>;

impl Command {
    /// What the command's own flags set; they win over `--set`.
    fn flags(&self, flags: &mut Flags) {
        match self {
            Command::Serve(Serve { contract, database, listen, strict }) => {
                contract.flags(flags);
                database.flags(flags);
                flags.extend(listen.clone().map(|text| ("--listen", "listener.address".into(), text)));
                if *strict {
                    flags.push(("--strict", "contract.strict".into(), "true".into()));
                }
            }
            Command::Check(Check { contract, database, .. })
            | Command::Migrate(Migrate { contract, database, .. })
            | Command::Explain(Explain { contract, database, .. }) => {
                contract.flags(flags);
                database.flags(flags);
            }
            Command::Export(Export { contract, .. }) => contract.flags(flags),
            Command::Config => {}
        }
    }
}

impl ContractFlag {
    fn flags(&self, flags: &mut Flags) {
        if !self.contract.is_empty() {
            let paths: Vec<_> = self.contract.iter().map(|path| path.to_string_lossy()).collect();
            flags.push(("--contract", "contract.paths".into(), paths.join(",")));
        }
    }
}

impl DatabaseFlag {
    fn flags(&self, flags: &mut Flags) {
        flags.extend(self.database.clone().map(|url| ("--database", "postgres.url".into(), url)));
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn flags(line: &str) -> Vec<String> {
        let arguments = Arguments::try_parse_from(line.split(' ')).expect("parses");
        let flags = arguments.inputs().flags;
        flags.into_iter().map(|(flag, name, value)| format!("{flag}: {name} = {value}")).collect()
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn flags_stand_for_settings_that_exist() {
        assert_eq!(
            flags(
                "rowcall serve --contract a --contract b --database postgres:// --listen [::]:1 --strict --set pages.size_max=5"
            ),
            [
                "--set: pages.size_max = 5",
                "--contract: contract.paths = a,b",
                "--database: postgres.url = postgres://",
                "--listen: listener.address = [::]:1",
                "--strict: contract.strict = true",
            ]
        );
        let arguments = Arguments::try_parse_from(["rowcall", "serve", "--listen", "[::]:1", "--strict"]);
        let inputs = Inputs { environment: vec![], file: None, ..arguments.expect("parses").inputs() };
        let config = config::load(inputs).expect("loads").config;
        assert!(config.contract.strict && config.listener.address.port() == 1);
    }

    #[test]
    fn wrong_lines_end_with_code_two() {
        for line in ["rowcall", "rowcall serv", "rowcall check --format xml", "rowcall config --set pages"] {
            let error = Arguments::try_parse_from(line.split(' ')).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn help_tells_the_exit_codes() {
        let mut command = Arguments::command();
        assert!(command.render_long_help().to_string().contains("Exit codes:"));
        let check = command.find_subcommand_mut("check").expect("a command");
        assert!(check.render_long_help().to_string().contains("3  the database cannot be reached"));
    }
}
