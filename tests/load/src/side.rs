//! One side of a comparison → one measurement of it.

use anyhow::ensure;

use crate::api::StreamAccountsRequest;
use crate::cluster::Database;
use crate::h2load::{Calls, Flight, MANY, ONE};
use crate::keys::{Keys, PAGE, Pool};
use crate::pgbench::{Place, Script};
use crate::server::{Program, Server};
use crate::stage::Stage;
use crate::{gone, rest};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Calls a second, many in flight.
    Calls { of: Program, method: Method, gzip: Gzip, keys: Keys },
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
    /// Transactions a second that each update so many rows.
    Updates { rows: Rows, of: Database, commit: Commit },
    /// Seconds until two restarted instances that share a Redis answer as many calls as before.
    Restart,
    /// MiB that an hour's calls leave behind when the collector is gone.
    Gone,
    /// Percent of a core while nobody calls, the sessions in Postgres included.
    Rest,
}

/// Of one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    One,
    Thousand,
}

/// Whether who writes waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    Synchronous,
    Asynchronous,
}

/// Who writes at once; more than there are cores, so that commits share a flush.
const WRITERS: u32 = 8;

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
    /// The part that was answered from what was kept; None where nothing is.
    pub hits: Option<f64>,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "AccountService/GetAccount",
            Method::List => "AccountService/ListAccounts",
            Method::Orders => "OrderService/ListOrders",
        }
    }

    pub fn pool(self, stage: &Stage, keys: Keys) -> &Pool {
        let pools = &stage.pools;
        match (self, keys) {
            (Method::Get, Keys::All) => &pools.gets,
            (Method::Get, Keys::Few) => &pools.few_gets,
            (Method::Get, Keys::Zipf) => &pools.zipf_gets,
            (Method::List, Keys::All) => &pools.lists,
            (Method::List, Keys::Few | Keys::Zipf) => &pools.few_lists,
            (Method::Orders, _) => &pools.orders,
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
            Side::Rest => Some(Program::RowcallKeeping),
            Side::Gone => Some(Program::RowcallKeepingUnheard),
            Side::Transactions { .. }
            | Side::OneTransaction
            | Side::Copy
            | Side::Updates { .. }
            | Side::Restart => None,
        }
    }

    /// The calls that Rowcall may answer from what it has kept.
    pub fn kept(self) -> Option<(Method, Keys)> {
        match self {
            Side::Calls { of, method, keys, .. } if of.keeps() => Some((method, keys)),
            _ => None,
        }
    }

    pub fn measure(self, stage: &Stage, server: Option<&Server>, seconds: u32) -> anyhow::Result<Sample> {
        match self {
            Side::Calls { method, gzip, keys, .. } => {
                let slice = self.calls(stage, server, (method, gzip, keys), MANY, seconds)?;
                Ok(Sample {
                    value: slice.per_second,
                    distinct_keys: Some(slice.distinct_keys),
                    answer_bytes: Some(slice.answer_bytes),
                    hits: None,
                })
            }
            Side::OneCall { .. } => {
                let slice =
                    self.calls(stage, server, (Method::Get, Gzip::NotAskedFor, Keys::All), ONE, seconds)?;
                Ok(Sample {
                    value: slice.median_micros,
                    distinct_keys: Some(slice.distinct_keys),
                    answer_bytes: Some(slice.answer_bytes),
                    hits: None,
                })
            }
            Side::Transactions { method } => {
                let clients = MANY.connections * MANY.calls_each;
                let script = method.script(stage);
                Ok(plain(stage.pgbench.per_second(Place::plain(&stage.cluster), script, clients, seconds)?))
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
            Side::Updates { rows, of, commit } => {
                let script = match rows {
                    Rows::One => &stage.update_script,
                    Rows::Thousand => &stage.updates_script,
                };
                let options = match commit {
                    Commit::Synchronous => "",
                    Commit::Asynchronous => "-c synchronous_commit=off",
                };
                let place = Place { cluster: &stage.cluster, database: of, options };
                Ok(plain(stage.pgbench.per_second(place, script, WRITERS, seconds)?))
            }
            Side::Restart => anyhow::bail!("instances that share are started by who measures"),
            Side::Gone => gone::measure(stage, server.expect("who is unheard is a server")),
            Side::Rest => rest::measure(stage, server.expect("who rests is a server"), seconds),
            Side::Copy => {
                let copied = stage.client.copy(&stage.cluster.url(Database::Plain), COPY)?;
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
        (method, gzip, keys): (Method, Gzip, Keys),
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
            pool: method.pool(stage, keys),
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

pub fn plain(value: f64) -> Sample {
    Sample { value, distinct_keys: None, answer_bytes: None, hits: None }
}
