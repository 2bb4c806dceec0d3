//! How an entry was read → what is kept beside its bytes to judge it by.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Epoch, Seen, Snapshot, Tag, Token};

/// What an entry was read with and made from.
///
/// `epoch` is the ledger's as it was *before* the read began: a read that a failover overtakes must not pass for
/// one of the new life.
#[derive(Debug)]
pub struct Label {
    epoch: Epoch,
    seen: Seen,
    tags: Box<[Tag]>,
    /// The position of this process' ledger at which the entry was last found good; 0 is never. Not kept elsewhere.
    verified: AtomicU64,
}

impl Label {
    /// None without tags: such an answer cannot be proved fresh, and must not be kept under this rule.
    pub fn new(epoch: Epoch, seen: Seen, tags: impl Into<Box<[Tag]>>) -> Option<Self> {
        let tags = tags.into();
        (!tags.is_empty()).then(|| Label { epoch, seen, tags, verified: AtomicU64::new(0) })
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// What it takes up on the heap.
    pub fn bytes(&self) -> usize {
        let snapshots = [self.seen.least(), self.seen.most()];
        let xids: usize = snapshots.iter().map(|snapshot| snapshot.in_progress().len()).sum();
        let most = if self.seen.exact() { 0 } else { std::mem::size_of::<Snapshot>() };
        std::mem::size_of_val(&*self.tags) + most + xids * std::mem::size_of::<u64>()
    }

    /// What the reader of this entry has seen. Not what the ledger is complete through: a fill may show more than
    /// that, and a later read elsewhere must not show less.
    pub fn token(&self) -> Token {
        Token::read(self.epoch, self.seen.most().clone())
    }

    // Relaxed: that an entry was good at a position stays true, whoever learns of it when. A late store of a lower
    // position costs one look more.
    pub(super) fn verified(&self) -> u64 {
        self.verified.load(Ordering::Relaxed)
    }

    pub(super) fn verify(&self, position: u64) {
        self.verified.store(position, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_labelled_that_depends_on_nothing() {
        let seen = Seen::of_primary("5:5:", "5:5:").expect("Postgres says so");
        assert!(Label::new(Epoch(1), seen.clone(), []).is_none());
        assert!(Label::new(Epoch(1), seen, Tag::of_list(1)).is_some());
    }

    #[test]
    fn the_token_of_a_standbys_answer_covers_what_it_may_have_shown() {
        let seen = Seen::of_standby("754:758:", "754:758:").expect("Postgres says so");
        let label = Label::new(Epoch(1), seen, Tag::of_list(1)).expect("it has tags");
        let below = |xid| Snapshot::below(crate::cache::Xid(xid));
        assert!(!label.token().within(&below(757)));
        assert!(label.token().within(&below(758)));
    }
}
