//! One side of a comparison → one measurement of it.

use anyhow::ensure;

use crate::api::StreamAccountsRequest;
use crate::h2load::{Calls, Flight, MANY, ONE};
use crate::keys::{PAGE, Pool};
use crate::pgbench::Script;
use crate::server::{Program, Server};
use crate::stage::Stage;

pub const STREAM_ROWS: usize = 1_000_000;
const COPY: &str =
    "COPY (SELECT aid, bid, abalance, filler FROM pgbench_accounts WHERE aid > 1000000 ORDER BY aid)
    TO STDOUT (FORMAT binary)";

/// What a caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    List,
    Orders,
}

/// Who is asked how.
#[derive(Debug, Clone, Copy)]
pub enum Side {
    /// Calls a second, many in flight.
    Calls { of: Program, method: Method, gzip: Gzip },
    /// Microseconds of the median Get, one in flight.
    OneCall { of: Program },
    /// Transactions a second, as many clients as calls in flight.
    Transactions { method: Method },
    /// Microseconds of the median Get, one client.
    OneTransaction,
    /// Rows a second of one stream.
    Stream { of: Program },
    /// Rows a second of COPY.
    Copy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gzip {
    AskedFor,
    NotAskedFor,
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub value: f64,
    /// None where there are no keys.
    pub distinct_keys: Option<u64>,
    /// Of the mean answer of a call; what an error answers is smaller.
    pub answer_bytes: Option<f64>,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "AccountService/GetAccount",
            Method::List => "AccountService/ListAccounts",
            Method::Orders => "OrderService/ListOrders",
        }
    }

    pub fn pool(self, stage: &Stage) -> &Pool {
        match self {
            Method::Get => &stage.gets,
            Method::List => &stage.lists,
            Method::Orders => &stage.orders_lists,
        }
    }

    fn script(self, stage: &Stage) -> &Script {
        match self {
            Method::Get => &stage.get_script,
            Method::List => &stage.list_script,
            Method::Orders => &stage.orders_script,
        }
    }
}

impl Side {
    pub fn program(self) -> Option<Program> {
        match self {
            Side::Calls { of, .. } | Side::OneCall { of } | Side::Stream { of } => Some(of),
            Side::Transactions { .. } | Side::OneTransaction | Side::Copy => None,
        }
    }

    pub fn measure(self, stage: &Stage, server: Option<&Server>, seconds: u32) -> anyhow::Result<Sample> {
        match self {
            Side::Calls { method, gzip, .. } => {
                let slice = self.calls(stage, server, (method, gzip), MANY, seconds)?;
                Ok(Sample {
                    value: slice.per_second,
                    distinct_keys: Some(slice.distinct_keys),
                    answer_bytes: Some(slice.answer_bytes),
                })
            }
            Side::OneCall { .. } => {
                let slice = self.calls(stage, server, (Method::Get, Gzip::NotAskedFor), ONE, seconds)?;
                Ok(Sample {
                    value: slice.median_micros,
                    distinct_keys: Some(slice.distinct_keys),
                    answer_bytes: Some(slice.answer_bytes),
                })
            }
            Side::Transactions { method } => {
                let clients = MANY.connections * MANY.calls_each;
                let script = method.script(stage);
                Ok(plain(stage.pgbench.per_second(&stage.cluster, script, clients, seconds)?))
            }
            Side::OneTransaction => {
                Ok(plain(stage.pgbench.median_micros(&stage.cluster, &stage.get_script, seconds)?))
            }
            Side::Stream { .. } => {
                let address = server.expect("a stream has a server").address;
                let streamed = stage.client.stream(address, &stream_request(), |_| Ok(()))?;
                let chunks = STREAM_ROWS / PAGE as usize;
                ensure!(streamed.messages == chunks, "{} chunks came, not {chunks}", streamed.messages);
                let mut sample = plain(STREAM_ROWS as f64 / streamed.seconds);
                sample.answer_bytes = Some(streamed.bytes as f64 / streamed.messages as f64);
                Ok(sample)
            }
            Side::Copy => {
                let copied = stage.client.copy(&stage.cluster.url(), COPY)?;
                // A header comes with the first row, and the trailer is a message of its own.
                ensure!(copied.messages >= STREAM_ROWS, "{} rows were copied", copied.messages);
                Ok(plain(STREAM_ROWS as f64 / copied.seconds))
            }
        }
    }

    fn calls(
        self,
        stage: &Stage,
        server: Option<&Server>,
        (method, gzip): (Method, Gzip),
        flight: Flight,
        seconds: u32,
    ) -> anyhow::Result<crate::h2load::Slice> {
        let headers: &[&str] = match gzip {
            Gzip::AskedFor => &["grpc-accept-encoding: gzip"],
            Gzip::NotAskedFor => &[],
        };
        stage.h2load.run(&Calls {
            address: server.expect("calls have a server").address,
            method: method.name(),
            headers,
            pool: method.pool(stage),
            flight,
            seconds,
        })
    }
}

/// The second half of the accounts.
pub fn stream_request() -> StreamAccountsRequest {
    let filter = format!("aid >= {}", STREAM_ROWS + 1);
    StreamAccountsRequest { chunk_size: PAGE, filter, resume_token: String::new() }
}

fn plain(value: f64) -> Sample {
    Sample { value, distinct_keys: None, answer_bytes: None }
}
