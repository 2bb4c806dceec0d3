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

use crate::plan::resource::Keep;
use crate::plan::{Plans, Projection, Reach, Select};

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
    let Reach { resources, between, .. } = Reach::of(plans, select, projection);
    let mut tables: BTreeSet<_> = between.into_keys().collect();
    tables.extend(resources.iter().map(|&resource| &plans.resources[resource].table));

    let mut guard = Guard::default();
    // In the order of names, so that one shape has one text.
    for table in tables {
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
