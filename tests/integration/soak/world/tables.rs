//! The tables, their rows by key, and which rows are written together: a group has one writer at a time.

use std::ops::RangeInclusive;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    Plain,
    Family,
    Kin,
    Title,
    Copy,
    Item,
    Parted,
    Bulk,
    Fed,
}

/// A row that may be there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell {
    pub table: Table,
    pub id: i32,
}

/// Rows that one transaction at a time writes: a table that stands for all of them, and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group(pub Table, pub i32);

pub const KIN_EACH: i32 = 4;
pub const COPIES_EACH: i32 = 3;

/// What a row without a place has as its place.
pub const NOWHERE: i32 = 0;
pub const PLACES: RangeInclusive<i32> = 1..=4;

/// Rowcall's role, which owns nothing.
pub const READER: &str = "reader";

/// The other database, whose table `fed` is published.
pub const SOURCE: &str = "source";

impl Table {
    pub const ALL: [Table; 9] = [
        Table::Plain,
        Table::Family,
        Table::Kin,
        Table::Title,
        Table::Copy,
        Table::Item,
        Table::Parted,
        Table::Bulk,
        Table::Fed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Table::Plain => "plain",
            Table::Family => "family",
            Table::Kin => "kin",
            Table::Title => "title",
            Table::Copy => "copy",
            Table::Item => "item",
            Table::Parted => "parted",
            Table::Bulk => "bulk",
            Table::Fed => "fed",
        }
    }

    pub fn ids(self) -> RangeInclusive<i32> {
        match self {
            Table::Plain | Table::Item => 1..=40,
            Table::Family | Table::Title | Table::Fed => 1..=10,
            Table::Kin => 1..=10 * KIN_EACH,
            Table::Copy => 1..=10 * COPIES_EACH,
            Table::Parted => 1..=24,
            // More than a trigger names.
            Table::Bulk => 1..=150,
        }
    }

    pub fn cells(self) -> impl Iterator<Item = Cell> {
        self.ids().map(move |id| Cell { table: self, id })
    }

    pub fn has_places(self) -> bool {
        matches!(self, Table::Item | Table::Parted)
    }

    /// Where a row is at first.
    pub fn first_place(self, id: i32) -> i32 {
        if self.has_places() { id % PLACES.end() + 1 } else { NOWHERE }
    }

    /// All that its rows belong to.
    pub fn groups(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.cells().map(Cell::group).collect();
        groups.dedup();
        groups
    }
}

impl Cell {
    /// A title's own number: no two have the same version.
    pub fn first_version(self) -> u64 {
        match self.table {
            Table::Title | Table::Copy => self.group().1.unsigned_abs().into(),
            _ => 100,
        }
    }

    pub fn group(self) -> Group {
        match self.table {
            Table::Kin => Group(Table::Family, (self.id - 1) / KIN_EACH + 1),
            Table::Copy => Group(Table::Title, (self.id - 1) / COPIES_EACH + 1),
            Table::Bulk | Table::Fed => Group(self.table, 0),
            table => Group(table, self.id),
        }
    }
}

impl Group {
    pub fn all() -> Vec<Group> {
        let mut groups: Vec<Group> = Table::ALL.into_iter().flat_map(Table::groups).collect();
        groups.sort();
        groups.dedup();
        groups
    }

    /// The row that the others belong to first.
    pub fn cells(self) -> Vec<Cell> {
        let Group(table, number) = self;
        let own = Cell { table, id: number };
        let below = |table: Table, each: i32| {
            ((number - 1) * each + 1..=number * each).map(move |id| Cell { table, id })
        };
        match table {
            Table::Family => [own].into_iter().chain(below(Table::Kin, KIN_EACH)).collect(),
            Table::Title => [own].into_iter().chain(below(Table::Copy, COPIES_EACH)).collect(),
            Table::Bulk | Table::Fed => table.cells().collect(),
            _ => vec![own],
        }
    }

    /// In the table `mark`, which says of every group who wrote it last.
    pub fn mark(self) -> String {
        format!("{}:{}", self.0.name(), self.1)
    }
}
