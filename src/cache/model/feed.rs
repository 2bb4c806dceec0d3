//! Polls and own writes → what a process knows, and the product's ledger that knows the same.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::postgres::{Postgres, Writers};
use super::{Scheme, Server};
use crate::cache::{Epoch, Ledger, Limits, Poll, Snapshot, Tag, Token, Verdict, Want, Xid};

pub const TABLE: u32 = 16_384;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Feed {
    /// The ledger's; 0 is none.
    pub epoch: u8,
    /// Of the last heard answer. The epoch is the same, but for those who have none.
    pub life: u8,
    floor: Snapshot,
    since: Snapshot,
    pub heard: BTreeSet<Xid>,
    /// Not seen by `since`.
    own: BTreeSet<(u8, Xid)>,
    /// Who had their answer when the last heard poll was asked.
    pub answered: Writers,
    /// Who had their answer from this process.
    pub answered_here: Writers,
    pub poll: Option<InFlight>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InFlight {
    answered: Writers,
    pub answer: Option<Answer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Answer {
    life: u8,
    snapshot: Snapshot,
    changes: BTreeSet<Xid>,
    cleaned: Xid,
}

impl Feed {
    /// Of a process that starts now, and hears all that is not cleaned away.
    pub fn new(postgres: &Postgres, scheme: Scheme) -> Self {
        let floor = match scheme {
            Scheme::CleanedUnnoticed => Xid(1),
            _ => postgres.cleaned,
        };
        Feed {
            epoch: postgres.life,
            life: postgres.life,
            floor: Snapshot::below(floor),
            since: postgres.says(Server::Primary),
            heard: postgres.changes().collect(),
            own: BTreeSet::new(),
            answered: postgres.answered(),
            answered_here: Writers::default(),
            poll: None,
        }
    }

    pub fn ask(&mut self, postgres: &Postgres) {
        self.poll = Some(InFlight { answered: postgres.answered(), answer: None });
    }

    pub fn answer(&mut self, postgres: &Postgres, scheme: Scheme) {
        let Some(poll) = &mut self.poll else { return };
        let unseen = |xid: &Xid| match scheme {
            Scheme::HighestId => *xid >= self.since.xmax(),
            _ => *xid >= self.since.xmin() && !self.since.sees(*xid),
        };
        poll.answer = Some(Answer {
            life: postgres.life,
            snapshot: postgres.says(Server::Primary),
            changes: postgres.changes().filter(unseen).collect(),
            cleaned: postgres.cleaned,
        });
    }

    /// Whether anything was heard.
    pub fn hear(&mut self, scheme: Scheme) -> bool {
        let Some(InFlight { answered, answer: Some(answer) }) = self.poll.take() else { return false };
        let news = !answer.changes.is_empty();
        let another_life = answer.life != self.epoch || !self.since.within(&answer.snapshot);
        let gap = self.since.xmin() < answer.cleaned;
        if another_life && scheme != Scheme::NoEpoch || gap && scheme != Scheme::GapUnnoticed {
            self.epoch = answer.life;
            self.floor = answer.snapshot.clone();
            self.heard.clear();
        } else {
            self.heard.extend(answer.changes);
        }
        self.life = answer.life;
        self.answered = answered;
        self.own.retain(|(life, xid)| *life == self.epoch && !answer.snapshot.sees(*xid));
        self.since = answer.snapshot;
        news
    }

    pub fn wrote(&mut self, writer: usize, life: u8, xid: Xid, scheme: Scheme) {
        self.answered_here = self.answered_here.with(writer);
        let life = match scheme {
            Scheme::OwnUnrecorded | Scheme::NoEpoch => return,
            Scheme::OwnOfAnyLife => self.epoch,
            _ => life,
        };
        if self.epoch != life {
            self.epoch = 0;
            // Its answer will be refused.
            if scheme != Scheme::OldAnswers {
                self.poll = None;
            }
        }
        if self.epoch == 0 || !self.since.sees(xid) {
            self.own.insert((life, xid));
        }
    }

    /// The product's ledger after the same, and its verdict.
    pub fn judge(&self, label: &crate::cache::Label, token: Option<&Token>) -> Verdict {
        if self.epoch == 0 {
            return Verdict::OtherEpoch;
        }
        let now = Instant::now();
        let ledger = Ledger::new(Limits::default(), now);
        let tags = Tag::touched_by_bulk(TABLE);
        let changes = self.heard.iter().map(|xid| (*xid, tags.to_vec())).collect();
        let poll = Poll { asked: ledger.ask(now), snapshot: self.since.clone(), changes };
        // Only a scheme that takes another life for the same has a floor beyond what it heard.
        if ledger.begin(Epoch(self.epoch.into()), self.floor.clone(), poll).is_err() {
            return Verdict::Good;
        }
        for (life, xid) in &self.own {
            ledger.wrote(Epoch((*life).into()), *xid, &tags);
        }
        ledger.judge(label, Want { max_lag: Duration::ZERO, token }, now)
    }
}
