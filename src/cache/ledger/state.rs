//! One event of the feed after another → K, S_k, t_k, F and the epoch.

use std::collections::HashMap;
use std::time::Instant;

use super::floor::{Floor, TableFloor, through};
use super::recent::Recent;
use super::{Asked, Limits, Poll, Size};
use crate::cache::{Epoch, Error, Snapshot, Tag, Xid};
use crate::catalog::Oid;

#[derive(Debug)]
pub struct State {
    limits: Limits,
    /// None: nothing is served.
    pub(super) epoch: Option<Epoch>,
    pub(super) position: u64,
    /// S_k.
    pub(super) complete: Snapshot,
    /// t_k.
    pub(super) asked_at: Instant,
    /// F.
    pub(super) floor: Floor,
    /// Of tables that moved, where it is higher than F.
    pub(super) tables: HashMap<Oid, TableFloor>,
    pub(super) older: Recent,
    pub(super) younger: Recent,
    /// What is visible of the changes in `older`, and all before: F, once it is dropped.
    mark: Floor,
    /// Own writes that S_k does not see.
    own: Vec<Own>,
    /// Own writes up to here were folded while there was no epoch.
    folded: Option<Xid>,
    dropped: Vec<Recent>,
    /// Ends of epochs and resets so far.
    ends: u64,
}

#[derive(Debug)]
struct Own {
    epoch: Epoch,
    xid: Xid,
    tags: Box<[Tag]>,
}

impl State {
    pub fn unset(limits: Limits, now: Instant) -> Self {
        let nothing = Snapshot::below(Xid(1));
        // 0 is what an entry says that was never verified.
        let floor = Floor { snapshot: nothing.clone(), position: 1 };
        State {
            limits,
            epoch: None,
            position: 1,
            complete: nothing,
            asked_at: now,
            mark: floor.clone(),
            floor,
            tables: HashMap::new(),
            older: Recent::default(),
            younger: Recent::default(),
            own: Vec::new(),
            folded: None,
            dropped: Vec::new(),
            ends: 0,
        }
    }

    pub fn reset(&mut self, asked: &Asked, epoch: Epoch, snapshot: Snapshot) -> Result<(), Error> {
        self.in_order(asked)?;
        // All of them were of before `snapshot`, or of another life.
        self.tables.clear();
        self.start(epoch, snapshot, asked.at);
        Ok(())
    }

    pub fn begin(&mut self, epoch: Epoch, floor: Snapshot, poll: Poll) -> Result<(), Error> {
        let Poll { asked, snapshot, changes } = poll;
        self.in_order(&asked)?;
        self.start(epoch, floor, asked.at);
        self.heard(Poll { asked: self.ask(asked.at), snapshot, changes })
    }

    fn start(&mut self, epoch: Epoch, snapshot: Snapshot, asked_at: Instant) {
        self.ends += 1;
        self.epoch = Some(epoch);
        self.floor.snapshot = match self.folded.take() {
            Some(xid) => snapshot.union(&through(xid)),
            None => snapshot.clone(),
        };
        self.own.retain(|own| own.epoch == epoch);
        self.raise_to(snapshot, asked_at);
    }

    pub fn gap(&mut self, asked: &Asked, snapshot: Snapshot) -> Result<(), Error> {
        self.in_order(asked)?;
        self.follows(&snapshot)?;
        self.raise_to(snapshot, asked.at);
        Ok(())
    }

    pub fn heard(&mut self, poll: Poll) -> Result<(), Error> {
        self.in_order(&poll.asked)?;
        self.follows(&poll.snapshot)?;
        let count = poll.changes.iter().map(|(_, tags)| tags.len()).sum();
        if !self.make_room(count) {
            self.raise_to(poll.snapshot, poll.asked.at);
            return Ok(());
        }
        if count > 0 {
            self.position += 1;
        }
        for (xid, tags) in &poll.changes {
            self.younger.add(*xid, tags, self.position);
        }
        self.complete = poll.snapshot;
        self.asked_at = poll.asked.at;
        self.own.retain(|own| !self.complete.sees(own.xid));
        self.turn();
        Ok(())
    }

    pub fn wrote(&mut self, epoch: Epoch, xid: Xid, tags: &[Tag]) {
        if tags.is_empty() {
            return;
        }
        self.position += 1;
        // Ids of another life say nothing here, and what is kept may be of a life that is over.
        if self.epoch.is_some_and(|known| known != epoch) {
            self.end();
        }
        if self.make_room(tags.len()) {
            self.younger.add(xid, tags, self.position);
            if self.epoch.is_none() || !self.complete.sees(xid) {
                self.own.push(Own { epoch, xid, tags: tags.into() });
            }
            return;
        }
        self.fold_own(xid);
    }

    pub fn moved(&mut self, table: Oid, snapshot: &Snapshot, print: Option<Tag>) {
        self.position += 1;
        let mut floor = Floor { snapshot: snapshot.clone(), position: self.position };
        if let Some(before) = self.tables.get(&table) {
            floor.rise(&before.floor);
        }
        self.tables.insert(table, TableFloor { floor, print });
    }

    fn in_order(&self, asked: &Asked) -> Result<(), Error> {
        let present = asked.ends == self.ends && asked.since == self.complete;
        if present { Ok(()) } else { Err(Error::Outdated) }
    }

    fn end(&mut self) {
        self.epoch = None;
        self.position += 1;
        self.ends += 1;
    }

    /// A database goes on from where it was, or it is not the one we knew.
    fn follows(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        if self.epoch.is_none() {
            return Err(Error::Unset);
        }
        if self.complete.within(snapshot) {
            return Ok(());
        }
        self.end();
        Err(Error::WentBack { known: self.complete.to_string(), answered: snapshot.to_string() })
    }

    /// Room for so many tags and transactions more; false when even a floor at the mark gives none.
    fn make_room(&mut self, count: usize) -> bool {
        if self.fits(count) {
            return true;
        }
        self.drop_older();
        self.fits(count)
    }

    fn fits(&self, count: usize) -> bool {
        let Size { tags, xids } = self.size();
        tags.saturating_add(count) <= self.limits.tags_max
            && xids.saturating_add(count) <= self.limits.xids_max
    }

    /// Between polls only, when all that is visible in S_k has been added.
    fn turn(&mut self) {
        let Size { tags, xids } = self.younger.size();
        if tags <= self.limits.tags_max / 2 && xids <= self.limits.xids_max / 2 {
            return;
        }
        self.drop_older();
        self.older = std::mem::take(&mut self.younger);
        self.mark = Floor { snapshot: self.complete.clone(), position: self.position };
        self.go_on_with_own();
    }

    fn drop_older(&mut self) {
        self.floor.rise(&self.mark);
        self.dropped.push(std::mem::take(&mut self.older));
    }

    /// F := S_k and everything up to the highest of own writes, `xid` included.
    fn fold_own(&mut self, xid: Xid) {
        let highest = self.own.drain(..).map(|own| own.xid).fold(xid, Xid::max);
        if self.epoch.is_none() {
            self.folded = self.folded.max(Some(highest));
        }
        self.forget_all(through(highest).union(&self.complete));
    }

    /// F := S_k := snapshot.
    fn raise_to(&mut self, snapshot: Snapshot, asked_at: Instant) {
        self.complete = snapshot.clone();
        self.asked_at = asked_at;
        self.own.retain(|own| !self.complete.sees(own.xid));
        self.position += 1;
        self.forget_all(snapshot);
        self.go_on_with_own();
    }

    /// All of K is visible in `floor`, but for own writes. The position has moved on already.
    fn forget_all(&mut self, floor: Snapshot) {
        self.dropped.push(std::mem::take(&mut self.older));
        self.dropped.push(std::mem::take(&mut self.younger));
        self.floor.rise(&Floor { snapshot: floor, position: self.position });
        self.mark = self.floor.clone();
        self.tables.retain(|_, table| !table.floor.snapshot.within(&self.floor.snapshot));
    }

    fn go_on_with_own(&mut self) {
        for own in &self.own {
            self.younger.add(own.xid, &own.tags, self.position);
        }
    }

    pub fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    pub fn ask(&self, now: Instant) -> Asked {
        Asked { since: self.complete.clone(), at: now, ends: self.ends }
    }

    pub fn asked_at(&self) -> Instant {
        self.asked_at
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn size(&self) -> Size {
        let (older, younger) = (self.older.size(), self.younger.size());
        Size { tags: older.tags + younger.tags, xids: older.xids + younger.xids }
    }

    pub fn take_dropped(&mut self) -> Vec<Recent> {
        std::mem::take(&mut self.dropped)
    }
}
