//! What one process heard of changes → whether an entry may be served.
//!
//! ```text
//!        reset, begin          heard, wrote, moved, gap
//!   unset ────────► following ◄────────┘
//!     ▲                 │ the database went back, or we wrote in another life
//!     └─────────────────┘ (nothing is served before the next reset)
//! ```
//!
//! **What is kept.** K, recent transactions by tag; S_k, the snapshot the feed is complete through; t_k, when that was asked for; F,
//! the floor. At every moment (I): *a change visible in S_k, or written by this process, is visible in F or stands in K.* The rule:
//!
//! ```text
//! serve(entry, max_lag, token) iff
//!     entry.epoch = epoch
//!     and F ⊆ entry.S
//!     and every X in K[tag] is visible in entry.S, for every tag of the entry
//!     and now − t_k ≤ max_lag
//!     and (no token, or token ⊆ S_k, or token ⊆ entry.S)
//! ```
//!
//! By (I), the second and third line say that every change to the entry's tags that is visible in S_k is visible in the entry;
//! a write acknowledged before t_k is visible in S_k, which was taken after. The rest are shortcuts to the same answer.
//!
//! **Positions.** A position counts the states of K and F: whatever adds to them moves it on, in the same hold of the lock, and no position
//! comes twice, not even after a reset. *Known at p* is what is visible in F or stands in K at p; by (I) it only grows within
//! an epoch, since what leaves K is visible in the new F, and F is only ever united with more. An entry *verified at p* sees
//! all that was known at p and touches its tags. Then:
//!
//! - *The position is still p*: nothing was added, and the entry is good without another look. A poll that brings no change moves S_k and
//!   t_k and not the position, for known is what it was, and by (I) covers the new S_k. The epoch is the same, since a reset moves on.
//! - *A tag last changed at q ≤ p*: all its ids were known at p, so none needs looking at.
//! - *The floor rose to what was known at a ≤ p*: the entry sees all of that which touches its tags, although F ⊆ entry.S may not
//!   hold: it is as good as one read at p. Only an entry not looked at since then needs F ⊆ entry.S. This
//!   departs from the letter of the rule, and keeps what is in use through a floor's rise.
//!
//! **Two words without a lock.** The usual look reads t_k, then the position, and writers store the position, then t_k. So who
//! reads the new t_k reads the new position too, and nobody takes an old verdict for proved by a new poll. Who reads the old
//! position was before the writer, and is judged by the old t_k.
//!
//! **Forgetting.** K is in two generations. When the younger is half of what is allowed, the older is dropped, the younger becomes the
//! older, and S_k is marked; dropping the older raises F to the mark of its end, since all that stands in it is visible there, but for
//! own writes that S_k did not see yet, which go on in the younger. A poll larger than what is allowed is not recorded: F rises to it.
//! Own writes that pile up without a poll are folded into one floor: everything up to the highest of them.
//!
//! **Tables.** What is done to a table itself is in no list of changes. All that is known is its *print*, which is another one after
//! whatever was done; so who meets a new print, or a first one, raises a floor for that table. An entry from before that floor is good
//! all the same when it was read under the very print, known before it was read, and equal prints prove that nothing was done in
//! between: whoever calls `moved` says whether they do.
//!
//! **Beginning.** A process that begins finds entries that others have read. The list of changes reaches back to its own floor, so
//! F begins there instead of at the present, and K with all that the list has.
//!
//! **Lives.** Ids repeat after a failover, so ids of two lives never meet: an entry carries the epoch from before its read began, a write the
//! epoch that its own transaction read, and an answer is applied only in the state it was asked in. Each of the three was needed to
//! get the model through a failover.
//!
//! One task asks the feed and calls `ask`, then `heard`, `gap`, `reset` or `begin`, one question at a time, and `moved`; anyone calls `wrote` and `judge`.

mod floor;
mod judge;
mod recent;
mod state;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::{Epoch, Error, Label, Snapshot, Tag, Token, Xid};
use crate::catalog::Oid;
use state::State;

/// What a ledger keeps at most. More means that entries are kept for longer without being read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Tags with recent changes; some 100 bytes each.
    pub tags_max: usize,
    /// Transactions, counted once for each tag; 8 bytes each.
    pub xids_max: usize,
}

/// One poll's answer, from the primary, from one statement.
#[derive(Debug, Clone)]
pub struct Poll {
    pub asked: Asked,
    /// The answering statement's own.
    pub snapshot: Snapshot,
    /// What is visible in `snapshot` and not in what was asked since.
    pub changes: Vec<(Xid, Vec<Tag>)>,
}

/// What an answer answers, taken before the question is sent. Only an answer to the present state is applied: one from
/// before a failover, heard after a write of ours told of it, would bring the old epoch back.
#[derive(Debug, Clone)]
pub struct Asked {
    since: Snapshot,
    at: Instant,
    /// Ends of epochs and resets until then.
    ends: u64,
}

/// What a call wants of an entry.
#[derive(Debug, Clone, Copy)]
pub struct Want<'a> {
    /// How long ago the last answered poll may have been asked.
    pub max_lag: Duration,
    pub token: Option<&'a Token>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    Good,
    /// Something it was made from has changed since it was read.
    Stale,
    /// It was read before the floor: what changed since is forgotten.
    BelowFloor,
    /// The entry or the token is of another life of the database, or no life is known yet.
    OtherEpoch,
    /// Nothing can be proved now, of any entry.
    FeedOld,
    /// Fresh, and yet perhaps older than the token: the next poll may prove it.
    TokenAhead,
    /// Each is fresh, but they may be of different moments: the next poll may prove that they are not.
    Apart,
}

/// How full a ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub tags: usize,
    pub xids: usize,
}

/// The feed's state in one process. Entries of one ledger are not judged by another.
#[derive(Debug)]
pub struct Ledger {
    /// What `asked` counts from.
    started: Instant,
    /// As in `state`, to be read without the lock.
    position: AtomicU64,
    /// t_k, in nanoseconds since `started`.
    asked: AtomicU64,
    state: RwLock<State>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { tags_max: 200_000, xids_max: 1_000_000 }
    }
}

impl Asked {
    /// S_k: what a poll asks since.
    pub fn since(&self) -> &Snapshot {
        &self.since
    }
}

impl Verdict {
    /// For metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::Stale => "stale",
            Verdict::BelowFloor => "below_floor",
            Verdict::OtherEpoch => "other_epoch",
            Verdict::FeedOld => "feed_old",
            Verdict::TokenAhead => "token_ahead",
            Verdict::Apart => "apart",
        }
    }
}

impl Ledger {
    /// Serves nothing before the first `reset`. No `Instant` that comes later may be before `now`.
    pub fn new(limits: Limits, now: Instant) -> Self {
        let state = State::unset(limits, now);
        Ledger {
            started: now,
            position: AtomicU64::new(state.position()),
            asked: AtomicU64::new(0),
            state: RwLock::new(state),
        }
    }

    /// Before a question is sent to the primary, for a poll or a reset. `now` becomes t_k with its answer.
    pub fn ask(&self, now: Instant) -> Asked {
        self.state.read().unwrap_or_else(PoisonError::into_inner).ask(now)
    }

    /// A life of the database begins for us: all that was heard is dropped, `snapshot` is the floor.
    pub fn reset(&self, asked: &Asked, epoch: Epoch, snapshot: Snapshot) -> Result<(), Error> {
        self.change(|state| state.reset(asked, epoch, snapshot))
    }

    /// The same where `poll` has all changes since `floor`: only what is older is forgotten. What `moved` said of the same answer
    /// stays, and is to be said before.
    pub fn begin(&self, epoch: Epoch, floor: Snapshot, poll: Poll) -> Result<(), Error> {
        self.change(|state| state.begin(epoch, floor, poll))
    }

    /// What happened since the last poll cannot be told any more: F and S_k become `snapshot`.
    pub fn gap(&self, asked: &Asked, snapshot: Snapshot) -> Result<(), Error> {
        self.change(|state| state.gap(asked, snapshot))
    }

    /// After [`Error::WentBack`] nothing is served until a reset, and [`Error::Unset`] is all that polls get.
    pub fn heard(&self, poll: Poll) -> Result<(), Error> {
        self.change(|state| state.heard(poll))
    }

    /// A write of this process, before it is answered; also when its COMMIT's outcome is unknown. `epoch` is what the
    /// writing transaction itself read: when it is another than the ledger's, a failover went unnoticed so far, and
    /// nothing is served until a reset.
    pub fn wrote(&self, epoch: Epoch, xid: Xid, tags: &[Tag]) {
        self.change(|state| state.wrote(epoch, xid, tags))
    }

    /// A table is not what it was, or nobody knows: what depends on it must have been read with `snapshot` or later, or else
    /// under `print`, its [`Tag::ddl_as`] in `snapshot`. None where an equal print does not prove that nothing was done.
    pub fn moved(&self, table: Oid, snapshot: &Snapshot, print: Option<Tag>) {
        self.change(|state| state.moved(table, snapshot, print))
    }

    /// The rule above. `now` is when the call came.
    pub fn judge(&self, label: &Label, want: Want<'_>, now: Instant) -> Verdict {
        // In this order: see "Two words without a lock".
        let asked = self.asked.load(Ordering::Acquire);
        let position = self.position.load(Ordering::Acquire);
        let age = now.saturating_duration_since(self.started + Duration::from_nanos(asked));
        if want.token.is_none() && label.verified() == position && age <= want.max_lag {
            return Verdict::Good;
        }
        // A panic of a writer leaves K with more than S_k says, never with less.
        self.state.read().unwrap_or_else(PoisonError::into_inner).judge(label, want, now)
    }

    /// Since the last answered question was asked: what has changed meanwhile is not heard of.
    pub fn age(&self, now: Instant) -> Duration {
        let asked = Duration::from_nanos(self.asked.load(Ordering::Acquire));
        now.saturating_duration_since(self.started + asked)
    }

    /// Whether several entries may be served as one answer: each of them is good, and together they show one state of the
    /// database. They do when all were read with the same snapshot, or when none shows more than S_k: then each shows
    /// what its tags are in S_k, since all that S_k sees of them is visible in it.
    pub fn judge_together<'l>(
        &self,
        labels: impl Iterator<Item = &'l Label> + Clone,
        want: Want<'_>,
        now: Instant,
    ) -> Verdict {
        self.state.read().unwrap_or_else(PoisonError::into_inner).judge_together(labels, want, now)
    }

    /// The epoch, for labels of reads that begin now; None before the first reset and after the database went back.
    pub fn epoch(&self) -> Option<Epoch> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).epoch()
    }

    pub fn size(&self) -> Size {
        self.state.read().unwrap_or_else(PoisonError::into_inner).size()
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        let asked = state.asked_at().saturating_duration_since(self.started);
        self.position.store(state.position(), Ordering::Release);
        self.asked.store(u64::try_from(asked.as_nanos()).unwrap_or(u64::MAX), Ordering::Release);
        let dropped = state.take_dropped();
        drop(state);
        // Freeing half of all tags takes milliseconds, which no reader need wait for.
        drop(dropped);
        result
    }
}
