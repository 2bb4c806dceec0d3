//! What one RPC carries besides its request: deadline, scope, hints from metadata, stage timings.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::cache::Snapshot;
use crate::postgres::Journal;

/// One RPC.
#[derive(Debug, Clone)]
pub struct Call {
    pub started: Instant,
    pub deadline: Deadline,
    pub scope: Scope,
    pub hints: Hints,
}

/// When the caller stops waiting.
#[derive(Debug, Clone, Copy)]
pub enum Deadline {
    /// From `grpc-timeout`: of the whole call, streams too.
    Given(Instant),
    /// None was given: so long for a unary call, and for each chunk of a stream.
    Default(Duration),
}

/// On whose behalf. Empty until there is authentication, and part of every key and token already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    pub role: Option<String>,
    pub claims: BTreeMap<String, String>,
    pub settings: BTreeMap<String, String>,
}

impl Scope {
    /// Different scopes have different bytes; the empty one has none.
    pub fn bytes(&self) -> Vec<u8> {
        if *self == Scope::default() {
            return Vec::new();
        }
        format!("{self:?}").into_bytes()
    }
}

/// What metadata asks for in place of request fields.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// `rowcall-read-mask`: `name,title`.
    pub read_mask: Option<String>,
    /// `rowcall-total`.
    pub total: Option<TotalWanted>,
    pub freshness: Freshness,
}

/// How fresh an answer has to be, beyond what the settings promise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Freshness {
    /// `rowcall-token`: not older than what it stands for.
    pub token: Option<String>,
    /// `cache-control: no-cache`: read now.
    pub no_cache: bool,
    /// `cache-control: max-age=5`: proved, or read where there is no proof, within so long.
    pub age_max: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TotalWanted {
    Exact,
    Estimated,
}

/// A stage of a call; `server-timing`, metrics, spans and logs name them so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Bind,
    /// Looking for a kept answer, and for the right to serve it.
    Cache,
    Acquire,
    Execute,
    Encode,
}

/// A stage's share of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timed {
    pub stage: Stage,
    /// When it first began.
    pub since: Instant,
    /// Of all its turns together.
    pub time: Duration,
}

/// What is said about an answer besides the answer.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    pub total: Option<Total>,
    /// Paths of relations that left rows out.
    pub truncated: Vec<String>,
    /// Time by stage, in order of first use.
    pub stages: Vec<Timed>,
    /// The stage that is under way, where one that is cut off in it would not be told otherwise.
    pub under_way: Option<(Stage, Instant)>,
    /// The statements that were run for it.
    pub journal: Journal,
    /// Where the answer came from. None while there is none.
    pub served: Option<Served>,
    /// What its reader has seen: `rowcall-token`.
    pub token: Option<Bytes>,
    /// Of a stream: the same, as it grows chunk by chunk.
    pub seen: Option<Snapshot>,
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// Kept, and proved fresh or allowed by the contract.
    Hit { age: Duration, from: Level, proof: Proof },
    /// Read for this call.
    Miss { standby: bool },
    /// Read for another call that asked for the same at the same time.
    Shared,
    /// Answers like this are not kept, or this call did not want one.
    Bypass(Bypass),
}

/// Why no kept answer was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bypass {
    /// Not all changes of what it is made from are heard of.
    Untracked,
    /// Nobody knows what a function reads.
    Function,
    /// The caller wants it read now.
    NoCache,
    /// Nothing is kept here.
    Off,
    /// The feed has not begun, or is too old to prove anything.
    Feed,
    /// An answer of these tables was not what it should have been.
    Mismatch,
}

/// Where a kept answer was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Process,
    Redis,
}

/// Why a kept answer may be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It shows every change that was heard of.
    Feed,
    /// The contract allows its age.
    TimeToLive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    Exact(u64),
    Estimated(u64),
}

impl Deadline {
    /// The moment a piece of work that begins at `now` must be done by.
    pub fn at(&self, now: Instant) -> Instant {
        match *self {
            Deadline::Given(at) => at,
            Deadline::Default(after) => now + after,
        }
    }
}

impl Stage {
    pub const ALL: [Stage; 5] = [Stage::Bind, Stage::Cache, Stage::Acquire, Stage::Execute, Stage::Encode];

    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Bind => "bind",
            Stage::Cache => "cache",
            Stage::Acquire => "acquire",
            Stage::Execute => "execute",
            Stage::Encode => "encode",
        }
    }
}

impl Served {
    /// As `server-timing` and metrics have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Served::Hit { .. } => "hit",
            Served::Miss { .. } => "miss",
            Served::Shared => "shared",
            Served::Bypass(_) => "bypass",
        }
    }
}

impl Total {
    pub fn rows(&self) -> u64 {
        match *self {
            Total::Exact(rows) | Total::Estimated(rows) => rows,
        }
    }
}

impl Notes {
    /// Whether this call itself has read its answer.
    pub fn read_here(&self) -> bool {
        matches!(self.served, Some(Served::Miss { .. } | Served::Bypass(_)))
    }

    /// A stage begins in which the call may be cut off.
    pub fn enter(&mut self, stage: Stage) {
        self.under_way = Some((stage, Instant::now()));
    }

    /// A stage that began then has ended.
    pub fn took(&mut self, stage: Stage, since: Instant) {
        self.lasted(stage, since, since.elapsed());
    }

    /// Adds to a stage's time.
    pub fn lasted(&mut self, stage: Stage, since: Instant, time: Duration) {
        self.under_way = self.under_way.filter(|(under_way, _)| *under_way != stage);
        match self.stages.iter_mut().find(|timed| timed.stage == stage) {
            Some(timed) => timed.time += time,
            None => self.stages.push(Timed { stage, since, time }),
        }
    }

    /// Ends what is under way: no more is done for the call.
    pub fn cut(&mut self) {
        if let Some((stage, since)) = self.under_way {
            self.took(stage, since);
        }
    }

    /// Adds what is said of a part of the work.
    pub fn add(&mut self, part: Notes) {
        self.total = part.total.or(self.total);
        for path in &part.truncated {
            if !self.truncated.contains(path) {
                self.truncated.push(path.clone());
            }
        }
        self.stages_of(part);
    }

    /// Adds the times of a part of the work, and its statements.
    pub fn stages_of(&mut self, part: Notes) {
        for Timed { stage, since, time } in part.stages {
            self.lasted(stage, since, time);
        }
        self.journal.add(&part.journal);
    }
}
