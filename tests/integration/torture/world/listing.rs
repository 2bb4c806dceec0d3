//! A filter and an order over items, as text for Rowcall and as a rule for the checker.

use std::cmp::Ordering;

use rand::RngExt as _;
use rand::rngs::StdRng;

use super::items::{self, Item, MAKERS, RANKS, title};

pub enum Filter {
    All,
    Rank(i64),
    Ranks(i64, i64),
    Maker(i32),
    /// Through the relation.
    MakerTitle(i32),
    Noted,
    Unnoted,
    Prefix(String),
    NoteAndRank(i64),
}

#[derive(Clone, Copy)]
pub enum Order {
    Key,
    RankDescending,
    Label,
    /// Nulls and ties: nulls first when descending, and the key runs as the last term does.
    NoteDescendingRank,
    Note,
}

/// What a List or a Stream asks for.
pub struct Listing {
    pub filter: Filter,
    pub order: Order,
}

impl Listing {
    pub fn draw(dice: &mut StdRng) -> Listing {
        let filter = match dice.random_range(0..10) {
            0 | 1 => Filter::All,
            2 => Filter::Rank(dice.random_range(1..=RANKS)),
            3 => {
                let low = dice.random_range(1..RANKS);
                Filter::Ranks(low, dice.random_range(low..=RANKS))
            }
            4 => Filter::Maker(dice.random_range(1..=MAKERS)),
            5 => Filter::MakerTitle(dice.random_range(1..=MAKERS)),
            6 => Filter::Noted,
            7 => Filter::Unnoted,
            8 => Filter::Prefix(format!("{:x}", dice.random_range(0..16))),
            _ => Filter::NoteAndRank(dice.random_range(1..RANKS)),
        };
        let orders =
            [Order::Key, Order::RankDescending, Order::Label, Order::NoteDescendingRank, Order::Note];
        Listing { filter, order: orders[dice.random_range(0..orders.len())] }
    }

    /// Everything it finds, in order.
    pub fn found(&self) -> Vec<&'static Item> {
        let mut found: Vec<_> = items::all().iter().filter(|item| self.filter.keeps(item)).collect();
        found.sort_by(|one, other| self.order.compare(one, other));
        found
    }
}

impl Filter {
    pub fn text(&self) -> String {
        match self {
            Filter::All => String::new(),
            Filter::Rank(rank) => format!("rank = {rank}"),
            Filter::Ranks(low, high) => format!("rank >= {low} AND rank <= {high}"),
            Filter::Maker(maker) => format!("maker_id = {maker}"),
            Filter::MakerTitle(id) => format!("maker.title = \"{}\"", title(*id)),
            Filter::Noted => "note:*".to_owned(),
            Filter::Unnoted => "NOT note:*".to_owned(),
            Filter::Prefix(prefix) => format!("label = \"{prefix}*\""),
            Filter::NoteAndRank(rank) => format!("note:* AND (rank = {rank} OR rank > {})", rank + 2),
        }
    }

    fn keeps(&self, item: &Item) -> bool {
        match self {
            Filter::All => true,
            Filter::Rank(rank) => item.rank == *rank,
            Filter::Ranks(low, high) => (*low..=*high).contains(&item.rank),
            Filter::Maker(maker) | Filter::MakerTitle(maker) => item.maker_id == *maker,
            Filter::Noted => item.note.is_some(),
            Filter::Unnoted => item.note.is_none(),
            Filter::Prefix(prefix) => item.label.starts_with(prefix.as_str()),
            Filter::NoteAndRank(rank) => item.note.is_some() && (item.rank == *rank || item.rank > rank + 2),
        }
    }
}

impl Order {
    pub fn text(self) -> &'static str {
        match self {
            Order::Key => "",
            Order::RankDescending => "rank desc",
            Order::Label => "label",
            Order::NoteDescendingRank => "note desc, rank",
            Order::Note => "note",
        }
    }

    fn compare(self, one: &Item, other: &Item) -> Ordering {
        // None is least in Rust, and greatest in Postgres.
        let notes = || match (&one.note, &other.note) {
            (Some(one), Some(other)) => one.cmp(other),
            (one, other) => other.is_some().cmp(&one.is_some()),
        };
        let keys = one.item_id.cmp(&other.item_id);
        match self {
            Order::Key => keys,
            Order::RankDescending => other.rank.cmp(&one.rank).then(keys.reverse()),
            Order::Label => one.label.cmp(&other.label).then(keys),
            Order::NoteDescendingRank => notes().reverse().then(one.rank.cmp(&other.rank)).then(keys),
            Order::Note => notes().then(keys),
        }
    }
}
