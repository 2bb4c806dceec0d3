//! Where forgetting has come to → what an entry must have been read or found good with.

use crate::cache::{Label, Snapshot, Tag, Xid};

/// What changes are forgotten below.
#[derive(Debug, Clone)]
pub struct Floor {
    pub snapshot: Snapshot,
    /// All of it was known here.
    pub position: u64,
}

/// The same of one table.
#[derive(Debug, Clone)]
pub struct TableFloor {
    pub floor: Floor,
    /// Who read under this print is not below.
    pub print: Option<Tag>,
}

impl TableFloor {
    pub fn holds(&self, label: &Label, verified: u64) -> bool {
        self.floor.holds(label, verified) || self.print.is_some_and(|print| label.tags().contains(&print))
    }
}

impl Floor {
    /// Whether the entry is as good as one read at the floor, or later.
    pub fn holds(&self, label: &Label, verified: u64) -> bool {
        self.position <= verified || self.snapshot.within(label.seen().least())
    }

    pub fn rise(&mut self, to: &Floor) {
        self.snapshot = self.snapshot.union(&to.snapshot);
        self.position = self.position.max(to.position);
    }
}

/// Sees all up to `xid`.
pub fn through(xid: Xid) -> Snapshot {
    Snapshot::below(Xid(xid.0.saturating_add(1)))
}
