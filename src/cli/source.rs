//! Settings → what is to be served: the example, or a contract over a database.

use std::path::PathBuf;

use crate::config::{Config, Secret};

/// What `serve` serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The built-in example, from a Postgres of its own.
    Example,
    Given {
        contract: Vec<PathBuf>,
        database: Secret,
    },
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("a contract is missing: give --contract PATH, or the setting contract.paths")]
    ContractMissing,
    #[error("a database is missing: give DATABASE_URL, --database URL, or the setting postgres.url")]
    DatabaseMissing,
    #[error(
        "the example listens on this machine only, not on {0}: give a contract and a database to serve others"
    )]
    ExampleExposed(std::net::SocketAddr),
}

/// For `serve`: neither is the example, one of the two alone is an error.
pub fn to_serve(config: &Config) -> Result<Source, Error> {
    if !config.contract.paths.is_empty() || config.postgres.url.is_some() {
        return Ok(Source::Given { contract: contract(config)?, database: database(config)? });
    }
    let address = config.listener.address;
    if address.ip().is_loopback() { Ok(Source::Example) } else { Err(Error::ExampleExposed(address)) }
}

/// For `check`, `explain` and `export`, which need a contract of one's own.
pub fn contract(config: &Config) -> Result<Vec<PathBuf>, Error> {
    let paths = &config.contract.paths;
    if paths.is_empty() { Err(Error::ContractMissing) } else { Ok(paths.clone()) }
}

/// For `check` and `explain`.
pub fn database(config: &Config) -> Result<Secret, Error> {
    config.postgres.url.clone().ok_or(Error::DatabaseMissing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Inputs};

    fn served(settings: &[(&str, &str)]) -> Result<Source, Error> {
        let flags = settings.iter().map(|(name, text)| ("--set", (*name).into(), (*text).into()));
        let inputs = Inputs { flags: flags.collect(), ..Inputs::default() };
        to_serve(&config::load(inputs).expect("loads").config)
    }

    #[test]
    fn neither_is_the_example_on_this_machine_only() {
        assert_eq!(served(&[]), Ok(Source::Example));
        let exposed = served(&[("listener.address", "0.0.0.0:50051")]);
        assert!(matches!(exposed, Err(Error::ExampleExposed(_))));
    }

    #[test]
    fn one_of_the_two_alone_says_what_is_missing() {
        assert_eq!(served(&[("contract.paths", "proto")]), Err(Error::DatabaseMissing));
        assert_eq!(served(&[("postgres.url", "postgres://a")]), Err(Error::ContractMissing));
        let both = served(&[("contract.paths", "proto"), ("postgres.url", "postgres://a")]);
        let expected =
            Source::Given { contract: vec!["proto".into()], database: Secret::new("postgres://a") };
        assert_eq!(both, Ok(expected));
    }
}
