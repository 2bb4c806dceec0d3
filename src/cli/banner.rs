//! What was started → the lines a person sees first.

use std::fmt;
use std::net::SocketAddr;

use super::report::count;

/// What serves, in the words of the first line.
#[derive(Debug, Clone)]
pub struct Banner {
    pub contract: Contract,
    pub resources: usize,
    /// Those of them that do not fit the database and are not served.
    pub resources_unfit: usize,
    /// As in `Postgres 15`.
    pub postgres_version: u32,
    /// Where the database is, without any secret: a folder or a host.
    pub postgres_place: String,
    pub address: SocketAddr,
    pub security: Security,
    /// Command lines to try: see `tries`.
    pub tries: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contract {
    Example,
    /// The package of the contract, as `chinook.v1`.
    Named(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    Plaintext,
    Tls,
    MutualTls,
}

impl fmt::Display for Banner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contract = match &self.contract {
            Contract::Example => "example contract",
            Contract::Named(package) => package,
        };
        let unfit = match self.resources_unfit {
            0 => String::new(),
            unfit => format!(" ({unfit} unfit)"),
        };
        let security = match self.security {
            Security::Plaintext => "plaintext",
            Security::Tls => "TLS",
            Security::MutualTls => "mutual TLS",
        };
        writeln!(
            f,
            "Rowcall {} · {contract}, {}{unfit} · Postgres {} in {} · {} ({security})",
            env!("CARGO_PKG_VERSION"),
            count(self.resources, "resource", "resources"),
            self.postgres_version,
            self.postgres_place,
            self.address,
        )?;
        if self.contract == Contract::Example {
            writeln!(f, "An example to try things out with; --contract and --database serve your own.")?;
        }
        for (line, command) in self.tries.iter().enumerate() {
            writeln!(f, "{}{command}", if line == 0 { "Try:  " } else { "      " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tries;

    fn banner() -> Banner {
        let address = SocketAddr::from(([127, 0, 0, 1], 50051));
        Banner {
            contract: Contract::Example,
            resources: 11,
            resources_unfit: 0,
            postgres_version: 15,
            postgres_place: "./rowcall-data".into(),
            address,
            security: Security::Plaintext,
            tries: vec![tries::list(Security::Plaintext, address)],
        }
    }

    #[test]
    fn the_example_says_where_it_is_and_what_to_try() {
        assert_eq!(
            banner().to_string(),
            "Rowcall 0.1.0 · example contract, 11 resources · Postgres 15 in ./rowcall-data · 127.0.0.1:50051 (plaintext)\n\
             An example to try things out with; --contract and --database serve your own.\n\
             Try:  grpcurl -plaintext 127.0.0.1:50051 list\n"
        );
    }

    #[test]
    fn unfit_resources_are_told() {
        let contract = Contract::Named("chinook.v1".into());
        let banner = Banner { contract, resources_unfit: 2, security: Security::Tls, ..banner() };
        let first = banner.to_string();
        assert!(first.starts_with("Rowcall 0.1.0 · chinook.v1, 11 resources (2 unfit) · "), "{first}");
        assert!(first.contains("(TLS)\nTry:"), "{first}");
        let one = Banner { resources: 1, ..self::banner() }.to_string();
        assert!(one.contains(" contract, 1 resource · "), "{one}");
    }
}
