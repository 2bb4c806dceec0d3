//! The tables of a call → what keeps a snapshot of them whole while DDL writes tables anew.
//!
//! A table that ALTER TABLE or TRUNCATE wrote anew is empty to a snapshot from before (PostgreSQL's
//! "Caveats" of concurrency control), and a statement that waits for such DDL reads it afterwards.
//! So all tables of a call are locked before its snapshot is taken: LOCK TABLE takes none itself.
//! What it cannot lock is looked at after it was read, by `postgres`: views, materialised views, tables
//! of which the role has columns only, what policies read, and what functions read.
//!
//! A call of one statement reads with a snapshot from after it has its locks, and is not guarded. Two
//! things stay open: tables that a view or a policy reads in such a call by way of a function,
//! and those that a VOLATILE function reads by way of one that is not.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::plan::filter::Predicate;
use crate::plan::query::OrderTerm;
use crate::plan::relation::{Cardinality, Link};
use crate::plan::resource::{Keep, TableName};
use crate::plan::{Plans, Projection, Select};

/// What a snapshot needs besides BEGIN.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Comes before the snapshot.
    pub lock: Option<String>,
    /// Whether tables may still have been written anew since the snapshot was taken.
    pub check: bool,
}

/// Of a statement, and of the relations that are loaded after it.
pub fn guard(plans: &Plans, select: &Select, projection: &Projection) -> Guard {
    let mut tables = Tables { plans, found: BTreeSet::new() };
    tables.found.insert(&plans.resources[select.resource].table);
    tables.order(select.resource, &select.order);
    if let Some(filter) = &select.filter {
        tables.predicate(select.resource, filter);
    }
    tables.projection(projection);

    let mut guard = Guard::default();
    // In the order of names, so that one shape has one text.
    for table in tables.found {
        guard.check |= table.keep != Keep::Lock;
        if table.keep != Keep::Check {
            let text = guard.lock.get_or_insert_default();
            let before = if text.is_empty() { "LOCK TABLE " } else { ", " };
            // Writing into a String cannot fail.
            let _ = write!(text, "{before}{}.{}", table.schema, table.name);
        }
    }
    if let Some(text) = &mut guard.lock {
        text.push_str(" IN ACCESS SHARE MODE");
    }
    guard
}

struct Tables<'p> {
    plans: &'p Plans,
    found: BTreeSet<&'p TableName>,
}

impl Tables<'_> {
    fn projection(&mut self, projection: &Projection) {
        for related in &projection.relations {
            let target = self.step(projection.resource, related.relation);
            let relation = &self.plans.resources[projection.resource].relations[related.relation];
            if let Cardinality::Many { order, .. } = &relation.cardinality {
                self.order(target, order);
            }
            self.projection(&related.projection);
        }
    }

    fn order(&mut self, resource: usize, order: &[OrderTerm]) {
        for term in order {
            self.path(resource, &term.path);
        }
    }

    fn predicate(&mut self, resource: usize, predicate: &Predicate) {
        match predicate {
            Predicate::All(parts) | Predicate::Any(parts) => {
                parts.iter().for_each(|part| self.predicate(resource, part));
            }
            Predicate::Not(inner) => self.predicate(resource, inner),
            Predicate::Exists { path, relation, holds } => {
                let end = self.path(resource, path);
                let far = self.step(end, *relation);
                if let Some(holds) = holds {
                    self.predicate(far, holds);
                }
            }
            Predicate::Test { value, .. } => {
                self.path(resource, &value.path);
            }
        }
    }

    /// The resource at the end of a path.
    fn path(&mut self, resource: usize, path: &[usize]) -> usize {
        path.iter().fold(resource, |at, &step| self.step(at, step))
    }

    fn step(&mut self, resource: usize, relation: usize) -> usize {
        let relation = &self.plans.resources[resource].relations[relation];
        if let Link::Through { table, .. } = &relation.link {
            self.found.insert(table);
        }
        self.found.insert(&self.plans.resources[relation.target].table);
        relation.target
    }
}
