//! What can be asked, and what each answer says of which rows.

use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::soak::world::history::Shown;
use crate::soak::world::tables::{Cell, NOWHERE, PLACES, Table};

pub struct Question {
    pub method: String,
    pub request: Value,
    pub about: About,
    pub with: With,
}

/// Whether rows come with those that belong to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    Themselves,
    Below,
}

/// What an answer tells of.
#[derive(Debug, Clone)]
pub enum About {
    /// Of one row, at a place where that is part of its key.
    One(Cell, Option<i32>),
    /// Of each of these.
    Each(Vec<Cell>),
    /// Of all rows, or of all of one place.
    All(Table, Option<i32>),
    /// The same, chunk by chunk.
    Chunks(Table),
}

/// What is in a row's repeated field.
const BELOW: [(Table, &str, Table); 2] =
    [(Table::Family, "kin", Table::Kin), (Table::Title, "copies", Table::Copy)];

impl Question {
    pub fn draw(dice: &mut StdRng) -> Question {
        match dice.random_range(0..100) {
            0..45 => get(dice),
            45..60 => batch_get(dice),
            60..92 => list(dice),
            _ => stream(dice),
        }
    }
}

impl About {
    /// Of a message.
    pub fn rows(&self, message: &Value, with: With) -> Vec<(Cell, Shown)> {
        let rows = message["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
        match self {
            About::One(cell, _) => row(*cell, message, with),
            About::Each(cells) => {
                cells.iter().zip(rows).flat_map(|(cell, message)| row(*cell, message, with)).collect()
            }
            About::All(table, place) => all(table.cells(), *place, rows, with),
            About::Chunks(_) => Vec::new(),
        }
    }

    /// When the answer is that there is no such row: of which one of these at least is it true?
    pub fn none(&self) -> Vec<(Cell, Shown)> {
        match self {
            About::One(cell, place) => vec![(*cell, Shown::Not(*place))],
            About::Each(cells) => cells.iter().map(|cell| (*cell, Shown::Not(None))).collect(),
            About::All(..) | About::Chunks(_) => Vec::new(),
        }
    }
}

/// Every one of these is in the answer, or not there.
pub fn all(
    cells: impl Iterator<Item = Cell>,
    place: Option<i32>,
    rows: &[Value],
    with: With,
) -> Vec<(Cell, Shown)> {
    let mut left: Vec<&Value> = rows.iter().collect();
    let mut shown = Vec::new();
    for cell in cells {
        match left.iter().position(|row| id(row) == cell.id) {
            Some(at) => shown.extend(row(cell, left.remove(at), with)),
            None => shown.push((cell, Shown::Not(place))),
        }
    }
    // One that has no business here, or that came twice.
    if let (Some(row), Some((cell, _))) = (left.first(), shown.first()) {
        shown.push((Cell { table: cell.table, id: id(row) }, NOBODYS));
    }
    shown
}

/// What no row ever is.
const NOBODYS: Shown = Shown::Row { version: 0, place: NOWHERE };

pub fn id(row: &Value) -> i32 {
    row["id"].as_i64().and_then(|id| i32::try_from(id).ok()).unwrap_or_default()
}

fn row(cell: Cell, message: &Value, with: With) -> Vec<(Cell, Shown)> {
    if id(message) != cell.id {
        return vec![(cell, NOBODYS)];
    }
    let version = message["version"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
    let place = message["place"].as_i64().and_then(|place| i32::try_from(place).ok()).unwrap_or(NOWHERE);
    let mut shown = vec![(cell, Shown::Row { version, place })];
    let below = BELOW.iter().find(|(above, ..)| *above == cell.table && with == With::Below);
    if let Some((_, field, table)) = below {
        let cells = cell.group().cells().into_iter().filter(|below| below.table == *table);
        let rows = message[*field].as_array().map(Vec::as_slice).unwrap_or_default();
        shown.extend(all(cells, None, rows, With::Themselves));
    }
    shown
}

fn name(table: Table) -> String {
    let name = table.name();
    name[..1].to_uppercase() + &name[1..]
}

fn get(dice: &mut StdRng) -> Question {
    let table = Table::ALL[dice.random_range(0..Table::ALL.len())];
    let cell = Cell { table, id: few(dice, table) };
    let mut request = json!({"id": cell.id});
    let mut place = None;
    let (mut method, mut with) = (format!("Get{}", name(table)), With::Themselves);
    match table {
        Table::Parted => {
            place = Some(dice.random_range(PLACES));
            request["place"] = place.into();
        }
        Table::Plain if dice.random_bool(0.2) => method = "GetSeen".to_owned(),
        _ => with = nest(table, &mut request, dice),
    }
    Question { method, request, about: About::One(cell, place), with }
}

fn nest(table: Table, request: &mut Value, dice: &mut StdRng) -> With {
    match BELOW.iter().find(|(above, ..)| *above == table) {
        Some((_, field, _)) if dice.random_bool(0.7) => {
            request["read_mask"] = format!("id,version,{field}").into();
            With::Below
        }
        _ => With::Themselves,
    }
}

fn batch_get(dice: &mut StdRng) -> Question {
    let table = [Table::Plain, Table::Item, Table::Bulk][dice.random_range(0..3)];
    let most = if table == Table::Bulk { 30 } else { 5 };
    let mut ids: Vec<i32> = (0..dice.random_range(1..most)).map(|_| few(dice, table)).collect();
    ids.dedup();
    let requests: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    let cells = ids.into_iter().map(|id| Cell { table, id }).collect();
    let method = format!("BatchGet{}", name(table));
    let (request, about) = (json!({"requests": requests}), About::Each(cells));
    Question { method, request, about, with: With::Themselves }
}

fn list(dice: &mut StdRng) -> Question {
    let table = Table::ALL[dice.random_range(0..Table::ALL.len())];
    let mut request = json!({"page_size": 1_000});
    let place = (table.has_places() && dice.random_bool(0.75)).then(|| dice.random_range(PLACES));
    if let Some(place) = place {
        request["filter"] = format!("place = {place}").into();
    }
    let (mut method, mut with) = (format!("List{}", name(table)), With::Themselves);
    match table {
        Table::Plain if dice.random_bool(0.2) => method = "ListSeen".to_owned(),
        _ => with = nest(table, &mut request, dice),
    }
    Question { method, request, about: About::All(table, place), with }
}

fn stream(dice: &mut StdRng) -> Question {
    let table = [Table::Plain, Table::Item, Table::Bulk][dice.random_range(0..3)];
    let size = table.ids().end() / dice.random_range(2..5);
    let method = format!("Stream{}", name(table));
    let (request, about) = (json!({"chunk_size": size}), About::Chunks(table));
    Question { method, request, about, with: With::Themselves }
}

/// Some keys are in everybody's hands.
fn few(dice: &mut StdRng, table: Table) -> i32 {
    let ids = table.ids();
    let last = if dice.random_bool(0.6) { (*ids.end()).min(8) } else { *ids.end() };
    dice.random_range(*ids.start()..=last)
}
