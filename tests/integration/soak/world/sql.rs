//! The tables and their first rows as SQL.

use std::fmt::Write as _;

use super::tables::{Cell, Group, KIN_EACH, Table};

const TABLES: &str = "
    CREATE ROLE reader LOGIN;
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader;
    CREATE TABLE plain (id int PRIMARY KEY, version bigint NOT NULL, extra int NOT NULL DEFAULT 0);
    CREATE VIEW seen AS SELECT id, version FROM plain;
    CREATE TABLE family (id int PRIMARY KEY, version bigint NOT NULL, extra int NOT NULL DEFAULT 0);
    CREATE TABLE kin (
        id int PRIMARY KEY, family_id int NOT NULL REFERENCES family ON DELETE CASCADE, version bigint NOT NULL,
        extra int NOT NULL DEFAULT 0);
    CREATE INDEX ON kin (family_id);
    CREATE TABLE title (id int PRIMARY KEY, version bigint NOT NULL UNIQUE);
    CREATE TABLE copy (
        id int PRIMARY KEY, version bigint NOT NULL REFERENCES title (version) ON UPDATE CASCADE ON DELETE CASCADE);
    CREATE INDEX ON copy (version);
    CREATE TABLE item (
        id int PRIMARY KEY, version bigint NOT NULL, place int NOT NULL, extra int NOT NULL DEFAULT 0);
    CREATE INDEX ON item (place);
    CREATE TABLE parted (
        place int NOT NULL, id int NOT NULL, version bigint NOT NULL, extra int NOT NULL DEFAULT 0,
        PRIMARY KEY (place, id)) PARTITION BY LIST (place);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
    CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
    CREATE TABLE parted_rest PARTITION OF parted DEFAULT PARTITION BY LIST (place);
    CREATE TABLE parted_3 PARTITION OF parted_rest FOR VALUES IN (3);
    CREATE TABLE parted_4 PARTITION OF parted_rest FOR VALUES IN (4);
    CREATE TABLE bulk (id int PRIMARY KEY, version bigint NOT NULL, extra int NOT NULL DEFAULT 0);
    CREATE TABLE fed (id int PRIMARY KEY, version bigint NOT NULL);
    CREATE TABLE mark (name text PRIMARY KEY, version bigint NOT NULL);
";

/// Tables and rows as they are at first.
pub fn all() -> String {
    let mut sql = TABLES.to_owned();
    for table in Table::ALL {
        sql += &insert(table, None);
    }
    for group in Group::all() {
        let _ = write!(sql, "INSERT INTO mark VALUES ('{}', 100);", group.mark());
    }
    sql + "ANALYZE;"
}

/// What the other database has.
pub fn source() -> String {
    format!(
        "CREATE TABLE fed (id int PRIMARY KEY, version bigint NOT NULL);
         {} CREATE PUBLICATION soak FOR TABLE fed;",
        insert(Table::Fed, None)
    )
}

/// All rows of a table at their first places, of this version or their first.
pub fn insert(table: Table, version: Option<u64>) -> String {
    let row =
        |cell: Cell| row(cell, version.unwrap_or(cell.first_version()), cell.table.first_place(cell.id));
    let rows: Vec<String> = table.cells().map(row).collect();
    format!("INSERT INTO {} ({}) VALUES {};", table.name(), columns(table), rows.join(", "))
}

pub fn columns(table: Table) -> &'static str {
    match table {
        Table::Kin => "id, version, family_id",
        Table::Item | Table::Parted => "id, version, place",
        _ => "id, version",
    }
}

/// The values of these columns, in brackets.
pub fn row(cell: Cell, version: u64, place: i32) -> String {
    format!("({})", fields(cell, version, place).join(", "))
}

pub fn fields(cell: Cell, version: u64, place: i32) -> Vec<String> {
    let Cell { table, id } = cell;
    let last = match table {
        Table::Kin => Some((id - 1) / KIN_EACH + 1),
        Table::Item | Table::Parted => Some(place),
        _ => None,
    };
    [id.to_string(), version.to_string()].into_iter().chain(last.map(|last| last.to_string())).collect()
}

/// A row becomes what it is to be.
pub fn change(cell: Cell, from: Option<i32>, to: Option<i32>, version: u64) -> String {
    let Cell { table, id } = cell;
    let name = table.name();
    match (from, to) {
        (_, None) => format!("DELETE FROM {name} WHERE id = {id};"),
        (None, Some(place)) => {
            format!("INSERT INTO {name} ({}) VALUES {};", columns(table), row(cell, version, place))
        }
        (Some(from), Some(to)) => {
            let moved = if from == to { String::new() } else { format!(", place = {to}") };
            let here = if table == Table::Parted { format!(" AND place = {from}") } else { String::new() };
            format!("UPDATE {name} SET version = {version}{moved} WHERE id = {id}{here};")
        }
    }
}
