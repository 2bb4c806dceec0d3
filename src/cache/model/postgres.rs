//! The steps of two commits → what the primary and its standby show, and what they say they show.

use super::Server;
use crate::cache::{Seen, Snapshot, Xid};

/// The first that a writer gets.
const FIRST: u64 = 10;

/// A set of the two writers, by bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Writers(u8);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    Idle,
    Running(u64),
    Logged(u64),
    Visible(u64),
    Answered(u64),
    Lost,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Postgres {
    pub writers: [Stage; 2],
    next: u64,
    /// Who committed, in the WAL's order.
    wal: Vec<usize>,
    /// So many of them the standby has replayed.
    replayed: usize,
    /// Goes up with a failover.
    pub life: u8,
    /// A snapshot of some time ago, for cleaning.
    pub reference: Option<Snapshot>,
    /// Below, the table of changes is empty.
    pub cleaned: Xid,
}

impl Writers {
    pub fn with(self, writer: usize) -> Self {
        Writers(self.0 | 1 << writer)
    }

    pub fn without(self, others: Writers) -> Self {
        Writers(self.0 & !others.0)
    }

    pub fn within(self, others: Writers) -> bool {
        self.without(others).is_empty()
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Stage {
    pub fn xid(self) -> Option<u64> {
        match self {
            Stage::Running(xid) | Stage::Logged(xid) | Stage::Visible(xid) | Stage::Answered(xid) => {
                Some(xid)
            }
            Stage::Idle | Stage::Lost => None,
        }
    }

    fn is_visible(self) -> bool {
        matches!(self, Stage::Visible(_) | Stage::Answered(_))
    }
}

impl Postgres {
    pub fn new() -> Self {
        Postgres {
            writers: [Stage::Idle; 2],
            next: FIRST,
            wal: Vec::new(),
            replayed: 0,
            life: 1,
            reference: None,
            cleaned: Xid(1),
        }
    }

    pub fn begin(&mut self, writer: usize) {
        self.writers[writer] = Stage::Running(self.next);
        self.next += 1;
    }

    pub fn log(&mut self, writer: usize, xid: u64) {
        self.writers[writer] = Stage::Logged(xid);
        self.wal.push(writer);
    }

    pub fn can_replay(&self) -> bool {
        self.replayed < self.wal.len()
    }

    pub fn replay(&mut self) {
        self.replayed += 1;
    }

    /// The standby is promoted and gets a standby of its own. Ids that it did not see are given again.
    pub fn fail_over(&mut self) {
        self.wal.truncate(self.replayed);
        for (writer, stage) in self.writers.iter_mut().enumerate() {
            *stage = match *stage {
                Stage::Idle => Stage::Idle,
                Stage::Logged(xid) if self.wal.contains(&writer) => Stage::Visible(xid),
                kept if self.wal.contains(&writer) => kept,
                _ => Stage::Lost,
            };
        }
        self.next = self.writers.iter().filter_map(|stage| stage.xid()).max().map_or(FIRST, |xid| xid + 1);
        self.life += 1;
    }

    pub fn content(&self, server: Server) -> Writers {
        let shown = |writer: &usize| match server {
            Server::Primary => self.writers[*writer].is_visible(),
            Server::Standby => self.wal[..self.replayed].contains(writer),
        };
        (0..2).filter(shown).fold(Writers::default(), Writers::with)
    }

    /// What the server's `pg_current_snapshot()` says: a standby names nothing in progress.
    pub fn says(&self, server: Server) -> Snapshot {
        let content = self.content(server);
        let ids =
            || self.writers.iter().enumerate().filter_map(|(writer, stage)| Some((writer, stage.xid()?)));
        let shows = |writer: usize| Writers::default().with(writer).within(content);
        let xmax = ids().filter(|(writer, _)| shows(*writer)).map(|(_, xid)| xid + 1).max().unwrap_or(FIRST);
        let running = ids().filter(|(writer, xid)| !shows(*writer) && *xid < xmax).map(|(_, xid)| Xid(xid));
        let mut running: Vec<Xid> = running.collect();
        running.sort();
        let xmin = running.first().copied().unwrap_or(Xid(xmax));
        let listed = match server {
            Server::Primary => running,
            Server::Standby => Vec::new(),
        };
        Snapshot::new(xmin, Xid(xmax), listed).expect("the running are below xmax")
    }

    /// As the product reads it.
    pub fn seen(&self, server: Server) -> Seen {
        let said = self.says(server).to_string();
        let seen = match server {
            Server::Primary => Seen::of_primary(&said, &said),
            Server::Standby => Seen::of_standby(&said, &said),
        };
        seen.expect("a snapshot's text is one")
    }

    /// Commits in the WAL that the server has.
    pub fn wal(&self, server: Server) -> usize {
        match server {
            Server::Primary => self.wal.len(),
            Server::Standby => self.replayed,
        }
    }

    /// Where in the WAL the transaction with that id committed.
    pub fn committed_at(&self, xid: Xid) -> Option<usize> {
        self.wal.iter().position(|writer| self.writers[*writer].xid() == Some(xid.0))
    }

    pub fn answered(&self) -> Writers {
        self.those(|stage| matches!(stage, Stage::Answered(_)))
    }

    pub fn lost(&self) -> Writers {
        self.those(|stage| stage == Stage::Lost)
    }

    /// Ids of what the primary shows, as the table of changes has them.
    pub fn changes(&self) -> impl Iterator<Item = Xid> {
        let visible = self.writers.iter().filter(|stage| stage.is_visible());
        visible.filter_map(|stage| stage.xid()).map(Xid).filter(|xid| *xid >= self.cleaned)
    }

    fn those(&self, are: impl Fn(Stage) -> bool) -> Writers {
        (0..2).filter(|writer| are(self.writers[*writer])).fold(Writers::default(), Writers::with)
    }
}
