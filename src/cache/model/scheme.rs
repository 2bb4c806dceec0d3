//! A rule that somebody could have → how it labels and when it serves.

use super::feed::TABLE;
use super::{Entry, Server, State};
use crate::cache::{Epoch, Label, Seen, Tag, Token, Verdict};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Ours,
    /// A change deletes the entry; what is there is served.
    DeleteOnWrite,
    /// An entry carries the WAL position of its server, and so does a change.
    WalPosition,
    /// A standby's empty in-progress list means that nothing is in progress.
    StandbyAtItsWord,
    /// The token of a standby's answer is what proves it, not what it may have shown.
    StandbyTokenLeast,
    /// The snapshot comes from a later statement than the content.
    SnapshotLater,
    /// The snapshot comes from an earlier statement than the content.
    SnapshotEarlier,
    /// The feed asks for ids above the highest it saw.
    HighestId,
    /// A poll that finds what it asked since cleaned away goes on.
    GapUnnoticed,
    /// Who begins takes what is not cleaned away for all that ever changed.
    CleanedUnnoticed,
    /// Another life of the database is taken for the same.
    NoEpoch,
    /// An entry carries the epoch of when it was put.
    EpochOfPut,
    /// Own writes are heard of in the next poll only.
    OwnUnrecorded,
    /// Own writes are taken to be of the life that the feed knows.
    OwnOfAnyLife,
    /// An answer that was asked for before an own write told of a failover is heard after it.
    OldAnswers,
}

impl Entry {
    fn label(&self, scheme: Scheme) -> Label {
        let read = &self.read.seen;
        let seen = match scheme {
            Scheme::StandbyAtItsWord => Seen::exactly(read.most().clone()),
            _ => read.clone(),
        };
        Label::new(Epoch(self.epoch.into()), seen, Tag::of_list(TABLE)).expect("a list has tags")
    }

    pub fn token(&self, scheme: Scheme) -> Token {
        match scheme {
            Scheme::StandbyTokenLeast => {
                Token::read(Epoch(self.epoch.into()), self.read.seen.least().clone())
            }
            _ => self.label(scheme).token(),
        }
    }
}

impl State {
    pub fn serves(&self, entry: &Entry, token: Option<&Token>, scheme: Scheme) -> bool {
        match scheme {
            Scheme::DeleteOnWrite => token.is_none(),
            Scheme::WalPosition => {
                let committed = |xid| self.postgres.committed_at(xid).is_none_or(|at| at < entry.read.wal);
                token.is_none() && self.feed.heard.iter().all(|xid| committed(*xid))
            }
            _ => self.feed.judge(&entry.label(scheme), token) == Verdict::Good,
        }
    }

    /// Which servers a fill may read, so that each scheme is refuted by what it is about.
    pub fn servers(scheme: Scheme) -> &'static [Server] {
        match scheme {
            Scheme::WalPosition | Scheme::DeleteOnWrite => &[Server::Primary],
            _ => &[Server::Primary, Server::Standby],
        }
    }
}
