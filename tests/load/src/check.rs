//! A side → proof that it answers what the database has, and how many bytes its answers weigh.
//!
//! What is measured afterwards counts only while its answers weigh the same, because h2load cannot see
//! gRPC's errors.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use prost::Message;

use crate::api::*;
use crate::cluster::Database;
use crate::keys::{self, ORDERS_PAGE, PAGE};
use crate::server::{Program, Server};
use crate::side::{Gzip, Method, STREAM_ROWS, Side, stream_request};
use crate::stage::Stage;

/// Time for the feed to begin, and for an answer to be kept.
const KEPT_MAX: Duration = Duration::from_secs(10);

/// Bytes of a mean answer that are as they should be.
pub type Weight = RangeInclusive<f64>;

/// Flag and length before each message.
pub const FRAME_BYTES: f64 = 5.0;

const AID: i32 = 1_234_567;
const ORDER_ID: i32 = 123_456;
const LINES_EACH: i32 = 3;

/// `page_bytes` is the size of bare tonic's page.
pub fn check(
    stage: &Stage,
    side: Side,
    server: Option<&Server>,
    page_bytes: usize,
) -> anyhow::Result<Option<Weight>> {
    let asked = |method| ask(stage, side, server, method, page_bytes);
    if let (Some(_), Some(server)) = (side.kept(), server) {
        kept(stage, server)?;
    }
    match side {
        Side::OneCall { .. } => asked(Method::Get).map(|bytes| Some(about(bytes))),
        Side::Calls { method, gzip: Gzip::NotAskedFor, .. } => asked(method).map(|bytes| Some(about(bytes))),
        // Smaller than it was, and more than an error weighs.
        Side::Calls { method, gzip: Gzip::AskedFor, .. } => {
            asked(method).map(|bytes| Some(bytes * 0.05..=bytes * 0.9))
        }
        Side::Stream { .. } => stream(stage, server.context("no server")?).map(|bytes| Some(about(bytes))),
        Side::Rest | Side::Gone => kept(stage, server.context("no server")?).map(|()| None),
        Side::Transactions { .. }
        | Side::OneTransaction
        | Side::Copy
        | Side::Updates { .. }
        | Side::Restart => Ok(None),
    }
}

/// Returns once a Get is answered from what was kept.
pub fn kept(stage: &Stage, server: &Server) -> anyhow::Result<()> {
    let late = Instant::now() + KEPT_MAX;
    let twice = || vec![keys::get(AID).encode_to_vec().into(); 2];
    while stage.client.hits(server.address, Method::Get.name(), twice())? == 0.0 {
        ensure!(Instant::now() < late, "Rowcall keeps nothing");
    }
    Ok(())
}

/// Tokens are of different lengths, and what came of calls that were cut off at the end is counted with the others;
/// an error weighs nothing.
fn about(bytes: f64) -> Weight {
    bytes * 0.98..=bytes * 1.25
}

fn ask(
    stage: &Stage,
    side: Side,
    server: Option<&Server>,
    method: Method,
    page_bytes: usize,
) -> anyhow::Result<f64> {
    let address = server.context("no server")?.address;
    let name = method.name();
    let answer = match method {
        Method::Get => stage.client.call(address, name, &keys::get(AID))?,
        Method::List => stage.client.call(address, name, &keys::list(AID))?,
        Method::Orders => stage.client.call(address, name, &keys::orders(ORDER_ID))?,
    };
    let bytes = answer.len() as f64 + FRAME_BYTES;
    match method {
        // A constant, of the size of an account.
        Method::Get if side.program() == Some(Program::Bare) => {
            let expected = account(stage, AID)?.encoded_len();
            ensure!(answer.len() == expected, "the constant has {} bytes, not {expected}", answer.len());
        }
        Method::Get => {
            let (found, expected) = (Account::decode(answer)?, account(stage, AID)?);
            ensure!(found == expected, "{found:?} is not {expected:?}");
        }
        Method::List if side.program() == Some(Program::Bare) => {
            ensure!(answer.len() == page_bytes, "the page has {} bytes, not {page_bytes}", answer.len());
        }
        Method::List => {
            let page = ListAccountsResponse::decode(answer)?;
            ensure!(
                page.accounts.len() == PAGE as usize && !page.next_page_token.is_empty(),
                "not a full page"
            );
            ensure!(page.accounts.iter().map(|account| account.aid).eq(AID..AID + PAGE), "other accounts");
            ensure!(page.accounts[0] == account(stage, AID)?, "the first account is another");
        }
        Method::Orders => {
            let orders = ListOrdersResponse::decode(answer)?.orders;
            let ids = ORDER_ID..ORDER_ID + ORDERS_PAGE;
            ensure!(orders.iter().map(|order| order.order_id).eq(ids), "other orders");
            for order in orders {
                let lines = order.lines.iter().map(|line| (line.order_id, line.line_id));
                let expected = (0..LINES_EACH).map(|n| (order.order_id, LINES_EACH * order.order_id + n));
                ensure!(lines.eq(expected), "other lines in order {}", order.order_id);
                let customer = order.customer.context("an order without its customer")?;
                ensure!(customer.customer_id == order.customer_id, "another customer");
            }
        }
    }
    Ok(bytes)
}

fn account(stage: &Stage, aid: i32) -> anyhow::Result<Account> {
    let row = stage.cluster.psql(Database::Plain, &format!(
        "SELECT aid, bid, abalance, octet_length(filler), filler || '|' FROM pgbench_accounts WHERE aid = {aid}"
    ))?;
    let columns: Vec<&str> = row.splitn(5, '|').collect();
    let [aid, bid, abalance, length, filler] = columns[..] else { anyhow::bail!("no account {aid}: {row}") };
    // Concatenation cuts the blanks that char(n) is padded with.
    let filler = format!("{:1$}", filler.trim_end_matches('|'), length.parse()?);
    Ok(Account { aid: aid.parse()?, bid: bid.parse()?, abalance: abalance.parse()?, filler })
}

/// Every row of a stream, and the bytes of its mean message.
fn stream(stage: &Stage, server: &Server) -> anyhow::Result<f64> {
    let mut next = STREAM_ROWS as i32 + 1;
    let streamed = stage.client.stream(server.address, &stream_request(), |message| {
        for account in StreamAccountsResponse::decode(message)?.accounts {
            ensure!(account.aid == next, "account {} came instead of {next}", account.aid);
            next += 1;
        }
        Ok(())
    })?;
    ensure!(next as usize == 2 * STREAM_ROWS + 1, "the stream ended before account {next}");
    Ok(streamed.bytes as f64 / streamed.messages as f64)
}
