//! Where Redis is, and what it may cost.

use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone)]
pub struct Settings {
    /// `redis://…` or `rediss://…`; of a cluster, the nodes to ask first for the others.
    pub urls: Vec<String>,
    pub kind: Kind,
    pub tls: Tls,
    /// What every key begins with.
    pub prefix: String,
    /// For one lookup, its wait for others included, and for one round trip of lookups.
    pub wait_max: Duration,
    /// For a new connection, and for a round trip that stores.
    pub connect_max: Duration,
    /// Keys of one round trip.
    pub batch_max: usize,
    /// Lookups that wait for a round trip.
    pub waiting_max: usize,
    /// An entry in its form.
    pub entry_bytes_max: usize,
    /// Entries that wait to be stored.
    pub puts_max: usize,
    pub puts_bytes_max: usize,
    /// Round trips in a row that fail before Redis is set aside.
    pub failures_max: u32,
    /// The longest time between two tries of one that is set aside.
    pub retry_max: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Single,
    Cluster,
}

/// For `rediss://`, in PEM.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Instead of the machine's own.
    pub authorities: Option<PathBuf>,
    /// Our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}
