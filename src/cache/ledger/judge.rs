//! A label and what is wanted → the rule's verdict, by all that is kept.

use std::time::Instant;

use super::recent::Recent;
use super::state::State;
use super::{Verdict, Want};
use crate::cache::Label;

impl State {
    pub fn judge(&self, label: &Label, want: Want<'_>, now: Instant) -> Verdict {
        let of_epoch = |epoch| self.epoch == Some(epoch);
        if !of_epoch(label.epoch()) || want.token.is_some_and(|token| !of_epoch(token.epoch())) {
            return Verdict::OtherEpoch;
        }
        if now.saturating_duration_since(self.asked_at) > want.max_lag {
            return Verdict::FeedOld;
        }
        let verified = label.verified();
        if verified != self.position {
            if !self.above_floors(label, verified) {
                return Verdict::BelowFloor;
            }
            if !self.sees_changes(label, verified) {
                return Verdict::Stale;
            }
            label.verify(self.position);
        }
        match want.token {
            Some(token) if !token.within(&self.complete) && !token.within(label.seen().least()) => {
                Verdict::TokenAhead
            }
            _ => Verdict::Good,
        }
    }

    pub fn judge_together<'l>(
        &self,
        labels: impl Iterator<Item = &'l Label> + Clone,
        want: Want<'_>,
        now: Instant,
    ) -> Verdict {
        let bad =
            labels.clone().map(|label| self.judge(label, want, now)).find(|each| *each != Verdict::Good);
        if let Some(verdict) = bad {
            return verdict;
        }
        let first = labels.clone().next();
        let same =
            |label: &Label| first.is_some_and(|first| first.seen() == label.seen() && label.seen().exact());
        if labels.clone().all(same) || labels.clone().all(|label| label.seen().most().within(&self.complete))
        {
            return Verdict::Good;
        }
        Verdict::Apart
    }

    fn above_floors(&self, label: &Label, verified: u64) -> bool {
        let mut of_tables = label.tags().iter().filter_map(|tag| self.tables.get(&tag.table()));
        self.floor.holds(label, verified)
            && (self.tables.is_empty() || of_tables.all(|table| table.holds(label, verified)))
    }

    fn sees_changes(&self, label: &Label, verified: u64) -> bool {
        let seen = |recent: &Recent| label.tags().iter().all(|tag| recent.seen_by(label, tag, verified));
        seen(&self.younger) && seen(&self.older)
    }
}
