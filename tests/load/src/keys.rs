//! Random keys → files of framed requests of equal length, which randkey hands to h2load one after the other.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use prost::Message;
use prost_types::FieldMask;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use crate::api::*;

/// Accounts whose key takes three bytes in a message.
const GET: Range<i32> = 16_384..2_000_001;
/// Pages of 1,000 whose first key has seven digits.
pub const LIST: Range<i32> = 1_000_000..1_999_001;
/// Pages of 100 orders, which have six digits.
pub const ORDERS: Range<i32> = 100_000..199_901;

pub const PAGE: i32 = 1000;
pub const ORDERS_PAGE: i32 = 100;

/// The relations have to be named to be read.
pub const ORDERS_MASK: [&str; 5] = ["order_id", "customer_id", "note", "customer", "lines"];

/// Requests of one method, each with a key of its own.
pub struct Pool {
    pub path: PathBuf,
    /// The pool's first piece, which h2load believes to send every time.
    pub first: PathBuf,
    pub piece_bytes: usize,
    pub pieces: u64,
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

pub fn gets(folder: &Path) -> anyhow::Result<Pool> {
    write(folder.join("get"), GET, get)
}

pub fn lists(folder: &Path) -> anyhow::Result<Pool> {
    write(folder.join("list"), LIST, list)
}

pub fn orders_lists(folder: &Path) -> anyhow::Result<Pool> {
    write(folder.join("orders"), ORDERS, orders)
}

/// Every key once, in an order that is random and the same in every run.
fn write<M: Message>(path: PathBuf, keys: Range<i32>, request: impl Fn(i32) -> M) -> anyhow::Result<Pool> {
    let mut keys: Vec<i32> = keys.collect();
    keys.shuffle(&mut StdRng::seed_from_u64(4));
    let piece_bytes = framed(&request(keys[0])).len();
    let mut pieces = Vec::with_capacity(keys.len() * piece_bytes);
    for &key in &keys {
        let piece = framed(&request(key));
        ensure!(piece.len() == piece_bytes, "the request for {key} has another length");
        pieces.extend_from_slice(&piece);
    }
    let first = path.with_extension("first");
    fs::write(&first, &pieces[..piece_bytes])?;
    fs::write(&path, &pieces)?;
    Ok(Pool { path, first, piece_bytes, pieces: keys.len() as u64 })
}

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
    fn pieces_are_of_one_length_at_both_ends_of_each_range() {
        let same = |a: usize, b: usize| assert_eq!(a, b);
        same(get(GET.start).encoded_len(), get(GET.end - 1).encoded_len());
        same(list(LIST.start).encoded_len(), list(LIST.end - 1).encoded_len());
        same(orders(ORDERS.start).encoded_len(), orders(ORDERS.end - 1).encoded_len());
    }
}
