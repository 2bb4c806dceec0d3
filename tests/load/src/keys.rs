//! Random keys → files of framed requests of equal length, which randkey hands to h2load one after the other.
//!
//! Keys come once each, or as often as Zipf's law has it, where the one of rank r is drawn 1/r as often as the first.

use std::collections::HashSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use bytes::Bytes;
use prost::Message;
use prost_types::FieldMask;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::api::*;

/// Accounts whose key takes three bytes in a message.
const GET: Range<i32> = 16_384..2_000_001;
/// Pages of 1,000 whose first key has seven digits.
pub const LIST: Range<i32> = 1_000_000..1_999_001;
/// Pages of 100 orders, which have six digits.
pub const ORDERS: Range<i32> = 100_000..199_901;

/// Keys that fit into what Rowcall keeps as it comes.
const FEW_GETS: usize = 100_000;
const FEW_LISTS: usize = 500;
/// Keys by Zipf's law, and how many are drawn.
const ZIPF: Range<i32> = GET.start..GET.start + 1_000_000;
const ZIPF_DRAWS: usize = 4_000_000;

pub const PAGE: i32 = 1000;
pub const ORDERS_PAGE: i32 = 100;

/// The relations have to be named to be read.
pub const ORDERS_MASK: [&str; 5] = ["order_id", "customer_id", "note", "customer", "lines"];

/// Which of the keys are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    All,
    /// No more than can be kept.
    Few,
    /// More than can be kept, some much more often than others.
    Zipf,
}

pub struct Pools {
    pub gets: Pool,
    pub lists: Pool,
    pub orders: Pool,
    pub few_gets: Pool,
    pub few_lists: Pool,
    pub zipf_gets: Pool,
}

/// Requests of one method in the order in which they are sent.
pub struct Pool {
    pub path: PathBuf,
    /// The pool's first piece, which h2load believes to send every time.
    pub first: PathBuf,
    pub piece_bytes: usize,
}

pub fn get(aid: i32) -> GetAccountRequest {
    GetAccountRequest { aid }
}

pub fn list(aid: i32) -> ListAccountsRequest {
    ListAccountsRequest { page_size: PAGE, filter: format!("aid >= {aid}"), page_token: String::new() }
}

pub fn orders(order_id: i32) -> ListOrdersRequest {
    let read_mask = Some(FieldMask { paths: ORDERS_MASK.map(str::to_owned).to_vec() });
    let filter = format!("order_id >= {order_id}");
    ListOrdersRequest { page_size: ORDERS_PAGE, filter, read_mask, page_token: String::new() }
}

impl Pools {
    pub fn write(folder: &Path) -> anyhow::Result<Pools> {
        let (gets, lists) = (shuffled(GET), shuffled(LIST));
        Ok(Pools {
            gets: write(folder.join("get"), &gets, get)?,
            lists: write(folder.join("list"), &lists, list)?,
            orders: write(folder.join("orders"), &shuffled(ORDERS), orders)?,
            few_gets: write(folder.join("few_gets"), &gets[..FEW_GETS], get)?,
            few_lists: write(folder.join("few_lists"), &lists[..FEW_LISTS], list)?,
            zipf_gets: write(folder.join("zipf"), &zipf(ZIPF_DRAWS), get)?,
        })
    }
}

impl Pool {
    /// How many keys there are among so many that are sent.
    pub fn distinct(&self, sent: u64) -> anyhow::Result<u64> {
        let pieces = fs::read(&self.path)?;
        let sent = usize::try_from(sent)?;
        let distinct: HashSet<&[u8]> = pieces.chunks_exact(self.piece_bytes).take(sent).collect();
        Ok(distinct.len() as u64)
    }

    /// Some of its messages, drawn at random.
    pub fn some(&self, count: usize) -> anyhow::Result<Vec<Bytes>> {
        let pieces = Bytes::from(fs::read(&self.path)?);
        let mut random = rand::rng();
        let mut one = || {
            let at = random.random_range(0..pieces.len() / self.piece_bytes) * self.piece_bytes;
            pieces.slice(at + FRAME_BYTES..at + self.piece_bytes)
        };
        Ok((0..count).map(|_| one()).collect())
    }
}

/// Every key once, in an order that is random and the same in every run.
fn shuffled(keys: Range<i32>) -> Vec<i32> {
    let mut keys: Vec<i32> = keys.collect();
    keys.shuffle(&mut StdRng::seed_from_u64(4));
    keys
}

/// Which key has which rank is random.
pub fn zipf(draws: usize) -> Vec<i32> {
    let ranked = shuffled(ZIPF);
    let mut sum = 0.0;
    let mut through = |rank: usize| {
        sum += 1.0 / rank as f64;
        sum
    };
    let sums: Vec<f64> = (1..=ranked.len()).map(&mut through).collect();
    let mut random = StdRng::seed_from_u64(5);
    let mut draw = || {
        let drawn = random.random_range(0.0..sum);
        ranked[sums.partition_point(|sum| *sum <= drawn).min(ranked.len() - 1)]
    };
    (0..draws).map(|_| draw()).collect()
}

fn write<M: Message>(path: PathBuf, keys: &[i32], request: impl Fn(i32) -> M) -> anyhow::Result<Pool> {
    let piece_bytes = framed(&request(keys[0])).len();
    let mut pieces = Vec::with_capacity(keys.len() * piece_bytes);
    for &key in keys {
        let piece = framed(&request(key));
        ensure!(piece.len() == piece_bytes, "the request for {key} has another length");
        pieces.extend_from_slice(&piece);
    }
    let first = path.with_extension("first");
    fs::write(&first, &pieces[..piece_bytes])?;
    fs::write(&path, &pieces)?;
    Ok(Pool { path, first, piece_bytes })
}

/// Flag and length.
const FRAME_BYTES: usize = 5;

/// Flag 0, four bytes of length, the message.
fn framed(message: &impl Message) -> Vec<u8> {
    let message = message.encode_to_vec();
    let mut frame = vec![0];
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(&message);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_flag_length_and_message() {
        assert_eq!(framed(&get(1_000_000)), [0, 0, 0, 0, 4, 8, 0xc0, 0x84, 0x3d]);
    }

    #[test]
    fn the_first_of_a_million_is_drawn_twice_as_often_as_the_second_and_one_time_in_fourteen() {
        let (ranked, drawn) = (shuffled(ZIPF), zipf(200_000));
        let share = |rank: usize| {
            drawn.iter().filter(|key| **key == ranked[rank - 1]).count() as f64 / drawn.len() as f64
        };
        assert!((share(1) - 0.0695).abs() < 0.005, "{}", share(1));
        assert!((share(2) - 0.0347).abs() < 0.005, "{}", share(2));
        assert!(drawn.iter().all(|key| ZIPF.contains(key)));
    }

    #[test]
    fn pieces_are_of_one_length_at_both_ends_of_each_range() {
        let same = |a: usize, b: usize| assert_eq!(a, b);
        same(get(GET.start).encoded_len(), get(GET.end - 1).encoded_len());
        same(list(LIST.start).encoded_len(), list(LIST.end - 1).encoded_len());
        same(orders(ORDERS.start).encoded_len(), orders(ORDERS.end - 1).encoded_len());
    }
}
