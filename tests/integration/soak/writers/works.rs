//! What a transaction changes, by every kind of statement that changes rows.

use rand::RngExt as _;
use rand::rngs::StdRng;

use super::{Step, Written};
use crate::soak::world::sql::{change, columns, fields, insert};
use crate::soak::world::tables::{Cell, Group, NOWHERE, PLACES, Table};
use crate::soak::world::{Change, World};

#[derive(Debug, Clone)]
pub enum Work {
    /// Each of these rows comes, goes, changes or moves, by a statement of its own.
    Rows(Vec<Cell>),
    /// One MERGE.
    Merge(Vec<Cell>),
    /// One statement that writes two tables.
    Both(Cell, Cell),
    /// Through the view.
    View(Cell),
    /// In the partition itself.
    Partition(Cell),
    /// One row's key becomes another's that is not there, or both change.
    Rekey(Cell, Cell),
    /// A family or a title with all that belong to it, by cascades.
    Cascade(Group),
    /// One that belongs to a family.
    Kin(Cell),
    /// More rows than a trigger names, or some less than all.
    Bulk(i32),
    /// All rows go and come back by COPY.
    Copy,
    /// All rows of a table go by TRUNCATE and come back, in one transaction.
    Refill(Table),
}

use Work::*;

impl Work {
    pub fn draw(dice: &mut StdRng) -> Work {
        let one = |dice: &mut StdRng, table: Table| Cell { table, id: few(dice, table) };
        match dice.random_range(0..100) {
            0..30 => {
                let tables = [Table::Plain, Table::Item, Table::Parted];
                let count = if dice.random_bool(0.5) { 1 } else { dice.random_range(2..6) };
                let mut any = || {
                    let table = tables[dice.random_range(0..3)];
                    one(dice, table)
                };
                let mut cells: Vec<Cell> = (0..count).map(|_| any()).collect();
                cells.sort();
                cells.dedup();
                Rows(cells)
            }
            30..38 => {
                let mut cells: Vec<Cell> = (0..5).map(|_| one(dice, Table::Plain)).collect();
                cells.sort();
                cells.dedup();
                Merge(cells)
            }
            38..44 => Both(one(dice, Table::Plain), one(dice, Table::Item)),
            44..48 => View(one(dice, Table::Plain)),
            48..52 => Partition(one(dice, Table::Parted)),
            52..57 => {
                let from = one(dice, Table::Plain);
                Rekey(from, Cell { id: from.id % 40 + 1, ..from })
            }
            57..65 => Cascade(one(dice, Table::Family).group()),
            65..72 => Cascade(one(dice, Table::Title).group()),
            72..79 => Kin(one(dice, Table::Kin)),
            79..88 => Bulk([1, 90, 101, 130, 150][dice.random_range(0..5)]),
            88..92 => Copy,
            _ => {
                let tables = [Table::Plain, Table::Kin, Table::Item, Table::Parted, Table::Bulk];
                Refill(tables[dice.random_range(0..5)])
            }
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Rows(cells) if cells.len() == 1 => "row",
            Rows(_) => "rows",
            Merge(_) => "merge",
            Both(..) => "both",
            View(_) => "view",
            Partition(_) => "partition",
            Rekey(..) => "rekey",
            Cascade(_) => "cascade",
            Kin(_) => "kin",
            Bulk(_) => "bulk",
            Copy => "copy",
            Refill(_) => "refill",
        }
    }

    /// By triggers of Postgres' own, which do not fire for replication.
    pub fn cascades(&self) -> bool {
        matches!(self, Cascade(_) | Kin(_) | Refill(Table::Kin))
    }

    pub fn groups(&self) -> Vec<Group> {
        match self {
            Rows(cells) | Merge(cells) => cells.iter().map(|cell| cell.group()).collect(),
            Both(one, other) | Rekey(one, other) => vec![one.group(), other.group()],
            View(cell) | Partition(cell) | Kin(cell) => vec![cell.group()],
            Cascade(group) => vec![*group],
            Bulk(_) | Copy => Table::Bulk.groups(),
            Refill(table) => table.groups(),
        }
    }

    /// Its groups are held.
    pub fn write(&self, world: &World, version: u64, dice: &mut StdRng) -> Written {
        let (steps, changes) = match self {
            Rows(cells) => rows(world, cells, version, dice),
            Merge(cells) => merge(world, cells, version, dice),
            Both(one, other) => both(world, *one, *other, version),
            View(cell) => view(world, *cell, version),
            Partition(cell) => partition(world, *cell, version),
            Rekey(from, to) => rekey(world, *from, *to, version),
            Cascade(group) => cascade(world, *group, version, dice),
            Kin(cell) => kin(world, *cell, version),
            Bulk(count) => bulk(*count, version),
            Copy => copy(version, dice),
            Refill(table) => refill(world, *table, version, dice),
        };
        let steps = steps.into_iter().filter(|step| !matches!(step, Step::Sql(sql) if sql.is_empty()));
        Written { version, steps: steps.collect(), changes }
    }
}

type Steps = (Vec<Step>, Vec<Change>);

/// Some keys are in everybody's hands.
fn few(dice: &mut StdRng, table: Table) -> i32 {
    let ids = table.ids();
    let last = if dice.random_bool(0.5) { (*ids.end()).min(8) } else { *ids.end() };
    dice.random_range(*ids.start()..=last)
}

fn rows(world: &World, cells: &[Cell], version: u64, dice: &mut StdRng) -> Steps {
    let one = |cell: &Cell| {
        let from = world.now(*cell);
        let to = match from {
            Some(_) if dice.random_bool(0.15) => None,
            _ if cell.table.has_places() && dice.random_bool(0.4) => Some(dice.random_range(PLACES)),
            Some(place) => Some(place),
            None => Some(cell.table.first_place(cell.id)),
        };
        (Step::Sql(change(*cell, from, to, version)), (*cell, to))
    };
    cells.iter().map(one).unzip()
}

fn merge(world: &World, cells: &[Cell], version: u64, dice: &mut StdRng) -> Steps {
    let gone = |cell: &&Cell| world.now(**cell).is_some() && cell.id % 5 == 0;
    let gone: Vec<Cell> = cells.iter().filter(gone).filter(|_| dice.random_bool(0.5)).copied().collect();
    let values: Vec<String> =
        cells.iter().map(|cell| format!("({}, {})", cell.id, gone.contains(cell))).collect();
    let sql = format!(
        "MERGE INTO plain USING (VALUES {}) AS new (id, gone) ON plain.id = new.id
         WHEN MATCHED AND new.gone THEN DELETE
         WHEN MATCHED THEN UPDATE SET version = {version}
         WHEN NOT MATCHED THEN INSERT (id, version) VALUES (new.id, {version});",
        values.join(", ")
    );
    let changes = cells.iter().map(|cell| (*cell, (!gone.contains(cell)).then_some(NOWHERE)));
    (vec![Step::Sql(sql)], changes.collect())
}

fn both(world: &World, one: Cell, other: Cell, version: u64) -> Steps {
    let place = world.now(other).unwrap_or(other.table.first_place(other.id));
    let sql = format!(
        "WITH first AS (
             INSERT INTO plain (id, version) VALUES ({}, {version})
             ON CONFLICT (id) DO UPDATE SET version = excluded.version RETURNING version)
         INSERT INTO item (id, version, place) SELECT {}, version, {place} FROM first
         ON CONFLICT (id) DO UPDATE SET version = excluded.version;",
        one.id, other.id
    );
    (vec![Step::Sql(sql)], vec![(one, Some(NOWHERE)), (other, Some(place))])
}

fn view(world: &World, cell: Cell, version: u64) -> Steps {
    let Cell { id, .. } = cell;
    let sql = match world.now(cell) {
        Some(_) => format!("UPDATE seen SET version = {version} WHERE id = {id};"),
        None => format!("INSERT INTO seen VALUES ({id}, {version});"),
    };
    (vec![Step::Sql(sql)], vec![(cell, Some(NOWHERE))])
}

fn partition(world: &World, cell: Cell, version: u64) -> Steps {
    let Cell { id, .. } = cell;
    let place = world.now(cell).unwrap_or(cell.table.first_place(id));
    let sql = match world.now(cell) {
        Some(_) => format!("UPDATE parted_{place} SET version = {version} WHERE id = {id};"),
        None => format!("INSERT INTO parted_{place} (id, version, place) VALUES ({id}, {version}, {place});"),
    };
    (vec![Step::Sql(sql)], vec![(cell, Some(place))])
}

fn rekey(world: &World, from: Cell, to: Cell, version: u64) -> Steps {
    match (world.now(from), world.now(to)) {
        (Some(_), None) => {
            let sql = format!("UPDATE plain SET id = {}, version = {version} WHERE id = {};", to.id, from.id);
            (vec![Step::Sql(sql)], vec![(from, None), (to, Some(NOWHERE))])
        }
        (one, other) => {
            let both = [(from, one), (to, other)];
            let step =
                |(cell, now): &(Cell, Option<i32>)| Step::Sql(change(*cell, *now, Some(NOWHERE), version));
            (both.iter().map(step).collect(), vec![(from, Some(NOWHERE)), (to, Some(NOWHERE))])
        }
    }
}

fn cascade(world: &World, group: Group, version: u64, dice: &mut StdRng) -> Steps {
    let cells = group.cells();
    let (first, below) = (cells[0], &cells[1..]);
    let there = world.now(first).is_some();
    let to = (!there || dice.random_bool(0.7)).then_some(NOWHERE);
    let mut sql = change(first, world.now(first), to, version);
    // The copies of a title that stays take its new version along by themselves; kin do not.
    let mut changes = vec![(first, to)];
    for cell in below {
        let now = world.now(*cell);
        match (to, first.table) {
            (Some(_), Table::Title) if there && now.is_some() => {}
            (Some(_), _) => sql += &change(*cell, now, to, version),
            (None, _) => {}
        }
        changes.push((*cell, to));
    }
    (vec![Step::Sql(sql)], changes)
}

/// With its family, when that is not there.
fn kin(world: &World, cell: Cell, version: u64) -> Steps {
    let family = cell.group().cells()[0];
    let mut changes = vec![(cell, Some(NOWHERE))];
    let mut sql = String::new();
    if world.now(family).is_none() {
        sql = change(family, None, Some(NOWHERE), version);
        changes.push((family, Some(NOWHERE)));
    }
    sql += &change(cell, world.now(cell), Some(NOWHERE), version);
    (vec![Step::Sql(sql)], changes)
}

fn bulk(count: i32, version: u64) -> Steps {
    let all = Table::Bulk.cells().filter(|cell| cell.id <= count);
    let sql = format!("UPDATE bulk SET version = {version} WHERE id <= {count};");
    (vec![Step::Sql(sql)], all.map(|cell| (cell, Some(NOWHERE))).collect())
}

fn copy(version: u64, dice: &mut StdRng) -> Steps {
    let gone = if dice.random_bool(0.5) { "DELETE FROM bulk;" } else { "TRUNCATE bulk;" };
    let (step, changes) = copied(Table::Bulk, version);
    (vec![Step::Sql(gone.to_owned()), step], changes)
}

fn copied(table: Table, version: u64) -> (Step, Vec<Change>) {
    let place = |cell: Cell| cell.table.first_place(cell.id);
    let line = |cell: Cell| fields(cell, version, place(cell)).join("\t") + "\n";
    let lines: String = table.cells().map(line).collect();
    let sql = format!("COPY {} ({}) FROM STDIN", table.name(), columns(table));
    (Step::Copy(sql, lines), table.cells().map(|cell| (cell, Some(place(cell)))).collect())
}

fn refill(world: &World, table: Table, version: u64, dice: &mut StdRng) -> Steps {
    let mut steps = vec![Step::Sql(format!("TRUNCATE {};", table.name()))];
    let mut changes = Vec::new();
    if table == Table::Kin {
        // Their families have to be there.
        for family in Table::Family.cells().filter(|family| world.now(*family).is_none()) {
            steps.push(Step::Sql(change(family, None, Some(NOWHERE), version)));
            changes.push((family, Some(NOWHERE)));
        }
    }
    let (copy, all) = copied(table, version);
    let by_copy = dice.random_bool(0.5);
    steps.push(if by_copy { copy } else { Step::Sql(insert(table, Some(version))) });
    changes.extend(all);
    (steps, changes)
}
