//! Which states every row had, and when: what writers say, and what answers are judged by.

pub mod history;
pub mod sql;
pub mod tables;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::OwnedMutexGuard;

use history::{History, State};
use tables::{Cell, Group, Table};

/// A row as a transaction leaves it: its place, or that there is none.
pub type Change = (Cell, Option<i32>);

pub struct World {
    groups: HashMap<Group, Arc<tokio::sync::Mutex<()>>>,
    versions: AtomicU64,
    histories: Mutex<Histories>,
}

pub struct Histories {
    pub cells: HashMap<Cell, History>,
    /// Versions that several rows have.
    pub several: HashSet<u64>,
    /// When the last primary died that is not there any more.
    died: Option<Instant>,
    /// Of which it is not known since then who wrote them last.
    unknown: HashSet<Group>,
}

/// Groups that nobody else writes.
pub struct Held {
    pub groups: Vec<Group>,
    _locks: Vec<OwnedMutexGuard<()>>,
}

impl World {
    pub fn new() -> World {
        let now = Instant::now();
        let first = |cell: Cell| State {
            version: cell.first_version(),
            place: Some(cell.table.first_place(cell.id)),
            begun: now,
            acked: Some(now),
            lost: None,
        };
        let cells = Table::ALL.into_iter().flat_map(Table::cells);
        World {
            groups: Group::all().into_iter().map(|group| (group, Arc::default())).collect(),
            versions: AtomicU64::new(1_000),
            histories: Mutex::new(Histories {
                cells: cells.map(|cell| (cell, History::new(first(cell)))).collect(),
                several: HashSet::new(),
                died: None,
                unknown: HashSet::new(),
            }),
        }
    }

    /// Until nobody else writes any of these.
    pub async fn hold(&self, mut groups: Vec<Group>) -> Held {
        // In one order, so that nobody waits for each other.
        groups.sort();
        groups.dedup();
        let mut locks = Vec::new();
        for group in &groups {
            locks.push(self.groups[group].clone().lock_owned().await);
        }
        Held { groups, _locks: locks }
    }

    /// After the groups are held, so that versions grow in each of them.
    pub fn version(&self) -> u64 {
        self.versions.fetch_add(1, Ordering::SeqCst)
    }

    /// As the last writer left a row, for who holds it.
    pub fn now(&self, cell: Cell) -> Option<i32> {
        self.histories().cells[&cell].now()
    }

    /// Before a COMMIT is sent.
    pub fn begin(&self, version: u64, changes: &[Change]) {
        let begun = Instant::now();
        let mut histories = self.histories();
        if changes.len() > 1 {
            histories.several.insert(version);
        }
        for (cell, place) in changes {
            let state = State { version, place: *place, begun, acked: None, lost: None };
            histories.cells.get_mut(cell).expect("a row of ours").push(state);
        }
    }

    /// Once what it did is known: of each group, who wrote it last.
    pub fn settle(&self, marks: impl IntoIterator<Item = (Group, u64)>) {
        let mut histories = self.histories();
        let died = histories.died;
        for (group, last) in marks {
            for cell in group.cells() {
                histories.cells.get_mut(&cell).expect("a row of ours").settle(last, died);
            }
        }
    }

    /// The same by what the database says.
    pub fn found_out(&self, marks: Vec<(Group, u64)>) {
        self.settle(marks.iter().copied());
        let mut histories = self.histories();
        marks.iter().for_each(|(group, _)| {
            histories.unknown.remove(group);
        });
    }

    /// Whether a primary died since anybody knew.
    pub fn is_unknown(&self, groups: &[Group]) -> bool {
        let histories = self.histories();
        groups.iter().any(|group| histories.unknown.contains(group))
    }

    /// What was seen in the database, of a row that others write there.
    pub fn saw(&self, cell: Cell, version: u64) {
        self.histories().cells.get_mut(&cell).expect("a row of ours").saw(version);
    }

    /// The same, when what has not come by now never will.
    pub fn settle_row(&self, cell: Cell, version: u64) {
        let mut histories = self.histories();
        let died = histories.died;
        histories.cells.get_mut(&cell).expect("a row of ours").settle(version, died);
    }

    /// The primary has, and all that nobody else has of it.
    pub fn died(&self) {
        let mut histories = self.histories();
        histories.died = Some(Instant::now());
        histories.unknown = self.groups.keys().copied().collect();
    }

    pub fn histories(&self) -> MutexGuard<'_, Histories> {
        self.histories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Histories {
    pub fn forget(&mut self) {
        let now = Instant::now();
        self.cells.values_mut().for_each(|history| history.forget(now));
    }
}
