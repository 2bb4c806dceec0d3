//! The tables of an answer, and what the contract says of keeping it → how it may be kept.

use std::time::Duration;

use crate::cache::Tag;
use crate::catalog::Oid;
use crate::contract::options;
use crate::feed::{Following, Why, plans_name};
use crate::plan::{Depends, Plans, Reach};

/// Of every answer to questions of one shape.
#[derive(Debug)]
pub struct Terms {
    /// All of them have to be followed.
    pub tables: Box<[Oid]>,
    /// What the feed knows the plans by.
    plans: u64,
    /// Why no proof is possible, whatever is followed.
    pub unfollowed: Option<Why>,
    /// What the answer depends on beside its own rows: any change of these.
    pub beside: Box<[Tag]>,
    pub ttl: Duration,
    pub idle: Duration,
    /// How long an answer without proof may be served, when the contract of everything in it says so.
    pub untracked: Option<Duration>,
}

/// Where the contract says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    pub ttl: Duration,
    pub idle: Duration,
}

impl Terms {
    pub fn of(plans: &Plans, reach: &Reach<'_>, defaults: Defaults) -> Self {
        let Defaults { ttl, idle } = defaults;
        let mut terms = Terms {
            tables: Box::default(),
            plans: plans_name(plans),
            unfollowed: None,
            beside: Box::default(),
            ttl,
            idle,
            untracked: Some(Duration::MAX),
        };
        let (mut tables, mut beside) = (Vec::new(), Vec::new());
        for &at in &reach.resources {
            let depends = &plans.resources[at].depends;
            terms.add(depends, plans.contract.resources[at].table.cache.as_ref());
            tables.extend_from_slice(&depends.tables);
            // Rows of its own are told by key or part; those that a relation leads to may be any.
            if reach.reached.contains(&at) {
                beside.extend(depends.list_tags());
            }
        }
        for depends in reach.between.values().flatten() {
            terms.unfollowed = Why::deciding(terms.unfollowed, depends.unfollowed);
            tables.extend_from_slice(&depends.tables);
            beside.extend(depends.list_tags());
        }
        tables.sort_unstable();
        tables.dedup();
        (terms.tables, terms.beside) = (tables.into(), beside.into());
        terms
    }

    /// Why no answer can be proved fresh now.
    pub fn untracked(&self, following: &Following) -> Option<Why> {
        let other = (!following.is_for(self.plans)).then_some(Why::Reloading);
        Why::deciding(self.unfollowed, following.untracked(&self.tables)).or(other)
    }

    fn add(&mut self, depends: &Depends, told: Option<&options::Cache>) {
        self.unfollowed = Why::deciding(self.unfollowed, depends.unfollowed);
        let duration =
            |told: Option<&prost_types::Duration>| told.and_then(|told| Duration::try_from(*told).ok());
        let told = told.cloned().unwrap_or_default();
        self.ttl = duration(told.ttl.as_ref()).map_or(self.ttl, |ttl| ttl.min(self.ttl));
        self.idle = duration(told.idle.as_ref()).map_or(self.idle, |idle| idle.min(self.idle));
        let untracked = duration(told.untracked.as_ref());
        self.untracked = self.untracked.and_then(|all| Some(untracked?.min(all)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Projection;
    use crate::plan::fixture::{Database, resource};
    use crate::plan::mask;

    const CONTRACT: &str = "
        service Shop { rpc GetBook(GetBookRequest) returns (Book); }
        message GetBookRequest { int64 id = 1; }
        message Shelf { option (rowcall.v1.table) = { name: \"shelf\" cache: { ttl: { seconds: 60 } untracked: { seconds: 5 } } };
            int64 id = 1; string title = 2; }
        message Book { option (rowcall.v1.table) = { name: \"book\" cache: { ttl: { seconds: 300 } idle: { seconds: 30 } } };
            int64 id = 1; Shelf shelf = 2; Book sequel = 3; }
    ";
    const HOUR: Duration = Duration::from_secs(3_600);

    fn terms(paths: &[&str]) -> Terms {
        let database = Database::new()
            .table("shelf", "id int8 key, title text")
            .table("book", "id int8 key, shelf_id int8, sequel_id int8")
            .references("book_shelf", &["shelf_id"], "shelf", &["id"])
            .references("book_sequel", &["sequel_id"], "book", &["id"]);
        let (plans, _) = database.compile(CONTRACT);
        let at = resource(&plans, "Book");
        let mask = mask::bind(&plans, at, paths.iter().copied(), "read_mask").expect("a mask");
        let projection = Projection::build(&plans, at, &mask).expect("it fits");
        let reach = Reach::of_projection(&plans, &projection);
        Terms::of(&plans, &reach, Defaults { ttl: HOUR, idle: HOUR })
    }

    #[test]
    fn the_shortest_time_of_all_that_is_in_an_answer_counts() {
        let (alone, with) = (terms(&["id"]), terms(&["id", "shelf.title"]));
        assert_eq!((alone.ttl, alone.idle), (Duration::from_secs(300), Duration::from_secs(30)));
        assert_eq!((with.ttl, with.idle), (Duration::from_secs(60), Duration::from_secs(30)));
        assert_eq!(with.untracked, None, "all of it has to be allowed to be served without proof");
    }

    #[test]
    fn an_answer_depends_on_all_rows_that_relations_lead_to() {
        assert!(terms(&["id"]).beside.is_empty(), "its own row is told by its key");
        assert_eq!(terms(&["id", "shelf.title"]).tables.len(), 2);
        assert_eq!(terms(&["id", "shelf.title"]).beside.len(), 2);
        let own = terms(&["id", "sequel.id"]);
        assert_eq!((own.tables.len(), own.beside.len()), (1, 2), "also where they are of the same table");
    }
}
