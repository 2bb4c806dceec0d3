//! Of each table, whether all of its changes are heard of; if not, why.

use std::hash::BuildHasher as _;

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::cache::Tag;
use crate::catalog::Oid;
use crate::plan::Plans;

/// As of one poll; replaced as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Following {
    /// Of the plans whose tables these are (`Plans::digest`): others may depend on what is not asked for yet.
    plans: u64,
    /// Every read asks; the keys are Postgres' own.
    modes: FxHashMap<Oid, Mode>,
    /// What tables are, as their ddl tags.
    prints: FxHashMap<Oid, Tag>,
    /// Another one each time it is replaced.
    number: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    Tracked,
    Untracked(Why),
}

/// Why a table's changes are not all heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// `rowcall migrate` was never run here, or its schema is gone.
    NotInstalled,
    /// The schema is of another version of Rowcall.
    OtherVersion,
    /// The role may not read the schema.
    Denied,
    /// No trigger of ours on it, on a partition of it, or on what inherits from it.
    TriggerMissing,
    /// A trigger that does not fire, or not always.
    TriggerDisabled,
    /// What its triggers tell is not what the contract has.
    Outdated,
    /// It was altered, and the plans are from before.
    Reloading,
    /// A logical subscription writes to it, which fires no statement trigger.
    Subscription,
    /// Its rows depend on who asks.
    RowSecurity,
    MaterializedView,
    /// It, or a partition of it, is another server's.
    Foreign,
    /// A view of what is not in its tables: a clock, chance, a function that may read anything.
    Unsteady,
    /// One of Postgres' own tables.
    System,
    /// It inherits from several tables.
    Inheritance,
    Gone,
}

impl Following {
    pub fn new(plans: u64, modes: impl IntoIterator<Item = (Oid, Mode)>) -> Self {
        Following { plans, modes: modes.into_iter().collect(), ..Following::default() }
    }

    /// With what is known of tables themselves.
    pub fn with_prints(self, prints: impl IntoIterator<Item = Tag>) -> Self {
        Following { prints: prints.into_iter().map(|print| (print.table(), print)).collect(), ..self }
    }

    pub(super) fn numbered(self, number: u64) -> Self {
        Following { number, ..self }
    }

    /// Which one it is of those that this process had.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What an answer depends on, with the prints of its tables.
    pub fn printed(&self, tags: Vec<Tag>) -> Vec<Tag> {
        let print = |tag: Tag| self.prints.get(&tag.table()).copied().filter(|_| tag.is_ddl()).unwrap_or(tag);
        tags.into_iter().map(print).collect()
    }

    /// How a table is followed; of one that nobody asked for, that it is not.
    pub fn mode(&self, table: Oid) -> &Mode {
        const UNKNOWN: &Mode = &Mode::Untracked(Why::NotInstalled);
        self.modes.get(&table).unwrap_or(UNKNOWN)
    }

    /// Whether it was made for plans that depend on what these do.
    pub fn is_for(&self, plans: u64) -> bool {
        self.plans == plans
    }

    /// The reason that decides among tables; None when all of them are tracked.
    pub fn untracked(&self, tables: &[Oid]) -> Option<Why> {
        tables.iter().fold(None, |why, table| Why::deciding(why, self.mode(*table).why()))
    }

    pub fn iter(&self) -> impl Iterator<Item = (Oid, Mode)> {
        self.modes.iter().map(|(table, mode)| (*table, *mode))
    }
}

/// What `Following` knows plans by.
pub fn plans_name(plans: &Plans) -> u64 {
    FxBuildHasher.hash_one(&plans.digest)
}

impl Mode {
    pub fn why(self) -> Option<Why> {
        match self {
            Mode::Tracked => None,
            Mode::Untracked(why) => Some(why),
        }
    }
}

impl Why {
    /// Of two reasons the one that decides: what a contract allows where changes are not followed, it does not allow where
    /// rows depend on who asks. Else the first.
    pub fn deciding(one: Option<Why>, other: Option<Why>) -> Option<Why> {
        other.filter(|other| *other == Why::RowSecurity).or(one).or(other)
    }

    /// For logs, metrics and `rowcall-cache: bypass; reason=untracked`.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::NotInstalled => "not_installed",
            Why::OtherVersion => "other_version",
            Why::Denied => "denied",
            Why::TriggerMissing => "trigger_missing",
            Why::TriggerDisabled => "trigger_disabled",
            Why::Outdated => "outdated",
            Why::Reloading => "reloading",
            Why::Subscription => "subscription",
            Why::RowSecurity => "row_security",
            Why::MaterializedView => "materialized_view",
            Why::Foreign => "foreign",
            Why::Unsteady => "unsteady",
            Why::System => "system",
            Why::Inheritance => "inheritance",
            Why::Gone => "gone",
        }
    }

    /// What it means and what to do, for people.
    pub fn advice(self) -> &'static str {
        match self {
            Why::NotInstalled => "nothing in this database tells of changes: run `rowcall migrate`",
            Why::OtherVersion => {
                "the schema rowcall is of another version: run `rowcall migrate` of this one, or upgrade"
            }
            Why::Denied => {
                "the role may not use the schema rowcall: run `rowcall migrate --role` with its name"
            }
            Why::TriggerMissing => {
                "it, a partition of it or what inherits from it has no trigger of Rowcall's: run `rowcall migrate`"
            }
            Why::TriggerDisabled => {
                "a trigger of Rowcall's does not always fire: run `rowcall migrate`, which enables it"
            }
            Why::Outdated => "its triggers do not tell what the contract asks for: run `rowcall migrate`",
            Why::Reloading => "it was altered, and is followed again once the catalog is read again",
            Why::Subscription => "a logical subscription writes to it, which fires no statement triggers",
            Why::RowSecurity => "it has row security, and calls have no scope yet",
            Why::MaterializedView => "a materialized view tells nobody when it is refreshed",
            Why::Foreign => "it, or a partition of it, is a foreign table, whose changes happen elsewhere",
            Why::Unsteady => {
                "the view depends on more than the rows of its tables: a clock, chance, or a function that may read anything"
            }
            Why::System => "the view reads Postgres' own tables, which have no triggers",
            Why::Inheritance => "it inherits from several tables",
            Why::Gone => "the table is gone",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_security_decides_wherever_it_is_met() {
        let modes = [
            (1, Mode::Untracked(Why::TriggerMissing)),
            (2, Mode::Untracked(Why::RowSecurity)),
            (3, Mode::Tracked),
        ];
        let following = Following::new(7, modes);
        assert_eq!(following.untracked(&[1, 2, 3]), Some(Why::RowSecurity));
        assert_eq!(following.untracked(&[3, 1]), Some(Why::TriggerMissing));
        assert_eq!(following.untracked(&[3]), None);
    }

    #[test]
    fn what_is_known_of_a_table_stands_in_its_ddl_tag_alone() {
        let following = Following::new(7, [(1, Mode::Tracked)]).with_prints([Tag::ddl_as(1, 9)]);
        let tags = [Tag::bulk(1), Tag::ddl(1), Tag::ddl(2)];
        assert_eq!(following.printed(tags.to_vec()), [Tag::bulk(1), Tag::ddl_as(1, 9), Tag::ddl(2)]);
    }

    #[test]
    fn what_nobody_follows_is_untracked() {
        let following = Following::new(7, [(1, Mode::Tracked)]);
        assert_eq!(following.mode(1), &Mode::Tracked);
        assert_eq!(following.mode(2), &Mode::Untracked(Why::NotInstalled));
        assert_eq!(following.untracked(&[1]), None);
        assert_eq!(following.untracked(&[1, 2]), Some(Why::NotInstalled));
    }
}
