//! The plans in force → what is to be followed, and what is said about it.

use std::collections::HashMap;

use crate::catalog::Oid;
use crate::feed::poll::Facts;
use crate::feed::{Following, Mode, Recorded, Why, verdict};
use crate::plan::Plans;

/// Tables and views that answers are made from.
#[derive(Debug, Clone)]
pub struct Watched {
    /// All of them, ascending.
    pub tables: Vec<Oid>,
    recorded: HashMap<Oid, Recorded>,
}

impl Watched {
    pub fn of(plans: &Plans) -> Self {
        let recorded: HashMap<Oid, Recorded> =
            plans.recorded.iter().map(|recorded| (recorded.table, recorded.clone())).collect();
        let mut tables: Vec<Oid> = recorded.keys().chain(&plans.views).copied().collect();
        tables.sort_unstable();
        Watched { tables, recorded }
    }

    pub fn mode(&self, table: Oid, facts: &HashMap<Oid, Facts>) -> Mode {
        let Some(facts) = facts.get(&table) else { return Mode::Untracked(Why::Gone) };
        match self.recorded.get(&table) {
            Some(recorded) => verdict::of_table(facts, recorded),
            None => verdict::of_view(facts),
        }
    }

    /// Why none is followed, when it is the same for all.
    fn all(&self, now: &Following) -> Option<Why> {
        let why = now.mode(*self.tables.first()?).why()?;
        let same = |table: &Oid| now.mode(*table).why() == Some(why);
        (self.tables.len() > 1 && self.tables.iter().all(same)).then_some(why)
    }

    /// Says what is different; of what has nothing, that it is all.
    pub fn tell(&self, before: &Following, now: &Following, plans: &Plans) {
        if let Some(why) = self.all(now) {
            tracing::warn!(
                tables = self.tables.len(),
                reason = why.as_str(),
                "changes are not followed, so nothing is cached: {}",
                why.advice()
            );
        }
        for table in self.tables.iter().filter(|_| self.all(now).is_none()) {
            let mode = now.mode(*table);
            if before.iter().any(|(known, was)| known == *table && was == *mode) {
                continue;
            }
            let name = match self.recorded.get(table) {
                Some(recorded) => format!("{}.{}", recorded.schema.as_str(), recorded.name.as_str()),
                None => continue,
            };
            match mode {
                Mode::Tracked => tracing::info!(table = name, "changes are followed"),
                Mode::Untracked(why @ Why::Reloading) => tracing::info!(table = name, "{}", why.advice()),
                Mode::Untracked(why) => {
                    tracing::warn!(
                        table = name,
                        reason = why.as_str(),
                        "changes are not followed, so it is not cached: {}",
                        why.advice()
                    );
                }
            }
        }
        if before.iter().next().is_none() {
            for resource in plans.resources.iter().filter(|resource| resource.problems.is_empty()) {
                if let Some(why) = resource.depends.unfollowed {
                    let name = resource.message.name();
                    tracing::warn!(
                        resource = name,
                        reason = why.as_str(),
                        "cannot be cached: {}",
                        why.advice()
                    );
                }
            }
        }
    }
}
