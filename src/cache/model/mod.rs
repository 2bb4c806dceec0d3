//! A database, its standby, a feed and a cache as a small machine → every order in which their steps can come.
//!
//! Two transactions write two rows of one table; one comes through this process, one from elsewhere. The entry is a List of
//! that table: its content is which of the two it shows. A commit takes the steps it takes in Postgres:
//!
//! ```text
//! Idle ──► Running(x) ──► Logged(x) ──► Visible(x) ──► Answered(x)
//!              │              │ in the WAL: a standby may show it from here on, the primary not yet
//!              └──────────────┴───────── a failover loses what the standby had not replayed ──► Lost
//! ```
//!
//! The clock is the feed's: a write must be seen that was answered before the last heard poll was asked, which is what
//! `max_lag` comes to. Snapshots, labels, tokens and verdicts are the product's own. What it says of ours proves something only
//! because it finds a way for each of the other schemes to serve the past.

mod feed;
mod postgres;
mod promises;
mod scheme;
mod steps;
mod tests;

use super::{Seen, Token};
use feed::Feed;
use postgres::{Postgres, Writers};
use scheme::Scheme;

/// What may happen, and how often.
#[derive(Debug, Clone, Copy)]
struct Machine {
    scheme: Scheme,
    polls_max: u8,
    fills_max: u8,
    restarts_max: u8,
    failovers_max: u8,
    cleanings_max: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    postgres: Postgres,
    feed: Feed,
    fill: Option<Fill>,
    /// The one place of the cache. It outlives a restart, as a shared one does.
    entry: Option<Entry>,
    /// What a caller has seen, and the token it got with it.
    read: Option<(Token, Writers)>,
    /// So often has it happened.
    polls: u8,
    fills: u8,
    restarts: u8,
    failovers: u8,
    cleanings: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Fill {
    server: Server,
    /// The feed's when it began.
    epoch: u8,
    snapshot: Option<Read>,
    content: Option<Writers>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Read {
    seen: Seen,
    /// Commits in the WAL of the server that answered.
    wal: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Entry {
    epoch: u8,
    read: Read,
    content: Writers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Server {
    Primary,
    Standby,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Begin(usize),
    Log(usize),
    Show(usize),
    Answer(usize),
    Replay,
    Failover,
    Reference,
    Clean,
    AskPoll,
    AnswerPoll,
    HearPoll,
    BeginFill(Server),
    ReadSnapshot,
    ReadContent,
    ReadBoth,
    Put,
    Serve,
    Restart,
}
