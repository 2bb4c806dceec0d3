//! Items and makers, which never change.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::hash;

pub const MAKERS: i32 = 40;

/// Keys are up to this; every seventh is missing.
pub const ITEM_ID_MAX: i32 = 1_500;

pub const RANKS: i64 = 30;

/// What a read mask may name, the relation last.
pub const FIELDS: [&str; 8] = ["item_id", "label", "amount", "note", "made_at", "rank", "maker_id", "maker"];

const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS item (
        item_id int PRIMARY KEY, label text NOT NULL, amount numeric(12, 3) NOT NULL, note text,
        made_at timestamptz NOT NULL, rank int NOT NULL, maker_id int NOT NULL REFERENCES maker);
    CREATE INDEX IF NOT EXISTS item_rank ON item (rank);
";

pub struct Item {
    pub item_id: i32,
    pub label: String,
    /// In thousandths.
    pub amount: i64,
    /// NULL in every third row; three rows share one text.
    pub note: Option<String>,
    /// Seconds since 1970.
    pub made_at: i64,
    pub rank: i64,
    pub maker_id: i32,
}

static ITEMS: LazyLock<Vec<Item>> = LazyLock::new(|| (1..=ITEM_ID_MAX).filter_map(Item::new).collect());

/// The table with all its rows; what is there already stays as it is.
pub fn sql() -> String {
    let rows: Vec<String> = all().iter().map(Item::values).collect();
    format!("{TABLE} INSERT INTO item VALUES {} ON CONFLICT DO NOTHING;", rows.join(", "))
}

/// In the order of their keys.
pub fn all() -> &'static [Item] {
    &ITEMS
}

/// None: no row has this key.
pub fn item(item_id: i32) -> Option<&'static Item> {
    let at = ITEMS.binary_search_by_key(&item_id, |item| item.item_id).ok()?;
    ITEMS.get(at)
}

/// A maker's title.
pub fn title(maker_id: i32) -> String {
    format!("maker {}", hash("title", maker_id, 0))
}

/// How many there are and what their amounts come to, as SumItems answers it.
pub fn sum(low: i32, high: i32) -> Value {
    let of = ITEMS.iter().filter(|item| (low..=high).contains(&item.item_id));
    let (count, total) = of.fold((0, 0), |(count, total), item| (count + 1, total + item.amount));
    // `coalesce` of an integer has no thousandths.
    match count {
        0 => json!({"sums": [{"total": "0"}]}),
        _ => json!({"sums": [{"count": count.to_string(), "total": thousandths(total)}]}),
    }
}

impl Item {
    fn new(item_id: i32) -> Option<Item> {
        let id = i64::from(item_id);
        (item_id % 7 != 0).then(|| Item {
            item_id,
            label: hash("label", item_id, 0),
            amount: (id * 7_919) % 9_000_000 + 1,
            note: (item_id % 3 != 0).then(|| hash("note", item_id / 5, 0)),
            made_at: 1_500_000_000 + id * 86_399,
            rank: (id * 31) % RANKS + 1,
            maker_id: (item_id * 13) % MAKERS + 1,
        })
    }

    /// As SQL.
    pub fn values(&self) -> String {
        let note = self.note.as_ref().map_or("NULL".to_owned(), |note| format!("'{note}'"));
        format!(
            "({}, '{}', {}, {note}, to_timestamp({}), {}, {})",
            self.item_id,
            self.label,
            thousandths(self.amount),
            self.made_at,
            self.rank,
            self.maker_id
        )
    }

    /// The fields of a mask, as proto JSON.
    pub fn json(&self, mask: &[&str]) -> Value {
        let fields = mask.iter().filter_map(|field| Some((field.to_string(), self.field(field)?)));
        Value::Object(fields.collect::<Map<_, _>>())
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "item_id" => self.item_id.into(),
            "label" => self.label.as_str().into(),
            "amount" => thousandths(self.amount).into(),
            "note" => self.note.clone()?.into(),
            "made_at" => jiff::Timestamp::from_second(self.made_at).expect("in range").to_string().into(),
            "rank" => self.rank.to_string().into(),
            "maker_id" => self.maker_id.into(),
            "maker" => super::seen_maker(self.maker_id),
            other => panic!("an item has no {other}"),
        })
    }
}

fn thousandths(amount: i64) -> String {
    format!("{}.{:03}", amount / 1_000, amount % 1_000)
}
