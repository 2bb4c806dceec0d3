//! Changes as they are heard → the recent transactions of a tag.

use std::collections::HashMap;

use super::Size;
use crate::cache::{Label, Tag, Xid};

/// One generation of K.
#[derive(Debug, Default)]
pub struct Recent {
    by_tag: HashMap<Tag, Changes>,
    xids: usize,
}

#[derive(Debug)]
struct Changes {
    /// Ascending, since a transaction with an old id may commit late.
    xids: Vec<Xid>,
    /// Of the ledger, when the last of them was added.
    position: u64,
}

impl Recent {
    /// `position` is the one that adding moves the ledger to.
    pub fn add(&mut self, xid: Xid, tags: &[Tag], position: u64) {
        for tag in tags {
            let changes =
                self.by_tag.entry(*tag).or_insert_with(|| Changes { xids: Vec::with_capacity(1), position });
            // Own writes are heard of twice. The second time adds nothing.
            if let Err(at) = changes.xids.binary_search(&xid) {
                changes.xids.insert(at, xid);
                changes.position = position;
                self.xids += 1;
            }
        }
    }

    /// Whether the label sees all that touched the tag; it did so at the position it was verified at.
    pub fn seen_by(&self, label: &Label, tag: &Tag, verified: u64) -> bool {
        self.by_tag.get(tag).is_none_or(|changes| {
            changes.position <= verified || label.seen().least().sees_all(&changes.xids)
        })
    }

    pub fn size(&self) -> Size {
        Size { tags: self.by_tag.len(), xids: self.xids }
    }
}
