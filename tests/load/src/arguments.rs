//! The command line of `make load`.

use clap::{Args, Parser, Subcommand};

use crate::peer::Peer;

#[derive(Debug, Parser)]
#[command(about = "How fast Rowcall is beside its peers.")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure everything, or some paths, and print the ratios.
    Measure(Measure),
    /// Be one of the peers.
    Serve {
        #[command(subcommand)]
        peer: Peer,
    },
}

#[derive(Debug, Args)]
pub struct Measure {
    /// How often each path and its peer are measured, one after the other.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub pairs: u32,

    /// The length of one measurement.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: u32,

    /// Only paths whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
}

impl Measure {
    pub fn wants(&self, path: &str) -> bool {
        path.to_lowercase().contains(&self.only.to_lowercase())
    }
}
