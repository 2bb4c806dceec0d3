//! What an operator may set about the database; the defaults are in `config`.

use std::collections::HashMap;
use std::time::Duration;

use super::error::Error;
use crate::telemetry::Telemetry;

/// Limits and waits of the pool; a plain value the configuration fills.
#[derive(Clone)]
pub struct Settings {
    /// As libpq reads it: a URI or `key=value` pairs. Empty means the environment says everything.
    pub url: String,
    /// `PG…` variables, `HOME` and `USER`, as the process found them.
    pub environment: HashMap<String, String>,
    pub role: Role,
    pub connections_max: u32,
    /// Connections kept open when nothing runs.
    pub connections_min: u32,
    /// The longest a call waits for a connection, whatever its deadline.
    pub wait_max: Duration,
    /// Calls that wait for a connection at once; a further one is Busy.
    pub waiting_max: usize,
    /// A connection idle for longer is closed, down to `connections_min`.
    pub idle_max: Duration,
    /// A connection is closed at this age.
    pub lifetime_max: Duration,
    /// The share of `lifetime_max` that is at most taken off, at random, so that connections do not
    /// all end at once.
    pub lifetime_jitter: f64,
    /// A connection idle for longer is asked whether it still is what it was before it is given out.
    pub check_after: Duration,
    /// For one address, handshakes included, when the URL does not say.
    pub connect_timeout: Duration,
    /// TCP keepalive, when the URL does not say: idle time before the first probe, time between
    /// probes, and unanswered ones before the connection is given up.
    pub keepalives_idle: Duration,
    pub keepalives_interval: Duration,
    pub keepalives_retries: u32,
    /// How long what was sent may stay unacknowledged before the connection is given up, when the URL
    /// does not say. Linux only.
    pub tcp_user_timeout: Duration,
    /// The net under every deadline: no statement runs longer.
    pub statement_max: Duration,
    /// Prepared statements kept per connection.
    pub statements_max: usize,
    /// How long a cancelled connection may take to become usable again before it is closed.
    pub cancel_wait_max: Duration,
    /// Cancels under way at once.
    pub cancels_max: usize,
    /// How often reachability is looked at while nothing else shows it.
    pub probe_every: Duration,
    pub pooler: Pooler,
    pub encoding: Encoding,
    pub access: Access,
    pub purpose: Purpose,
    /// What the pool tells of itself.
    pub telemetry: Telemetry,
}

/// What a server has to be, beside what `target_session_attrs` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Any,
    /// Not in recovery.
    Primary,
    /// In recovery.
    Standby,
}

impl Role {
    /// Of a server that is in recovery, or is not.
    pub(super) fn check(self, standby: bool) -> Result<(), Error> {
        let refused = match self {
            Role::Primary if standby => "the server is a standby, and a primary is needed",
            Role::Standby if !standby => "the server is no standby",
            Role::Any | Role::Primary | Role::Standby => return Ok(()),
        };
        Err(Error::Unreachable(refused.to_owned()))
    }
}

/// Standbys beside the primary, and how they are used.
#[derive(Clone, Default)]
pub struct Replicas {
    pub standbys: Vec<Settings>,
    /// How long a read waits for a standby alone.
    pub patience: Duration,
    /// How often each server is looked at; also how long a standby rests that was too old for a read.
    pub watch_interval: Duration,
    /// A standby further behind is not chosen.
    pub lag_max: Duration,
}

/// What stands between Rowcall and Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing, or a pooler that knows prepared statements (PgBouncer 1.21 and later).
    Direct,
    /// A pooler by transaction that does not: unnamed statements, every setting by SET LOCAL.
    Transaction,
}

/// What to do with a database in SQL_ASCII, whose strings may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Refuse it.
    Checked,
    /// Serve it; the reader validates every string.
    Unchecked,
}

/// What a pool is for, which tells it and its sessions from others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    #[default]
    Calls,
    /// To hear of changes.
    Feed,
    /// What is asked beside calls and feed.
    Upkeep,
}

impl Purpose {
    /// None of calls.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Purpose::Calls => None,
            Purpose::Feed => Some("feed"),
            Purpose::Upkeep => Some("upkeep"),
        }
    }
}

/// What statements may do. Calls only read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    #[default]
    ReadOnly,
    ReadWrite,
}
