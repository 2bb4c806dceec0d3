//! A real Postgres for the whole test binary, and a database of its own for every test.
//!
//! The first test that asks starts the server; it ends with the process, however that ends.

mod client;
mod cluster;
mod database;
mod messages;
mod papers;
mod pooler;
#[path = "../../load/src/port.rs"]
mod port;
mod proxy;
mod redis;
mod served;
pub mod session;
mod tap;

pub use client::{
    Answer, CHINOOK_CONTRACT, CHINOOK_PLAIN_CONTRACT, Chunks, Client, Failure, Local, json, serve,
};
pub use cluster::{Cluster, cluster, free_port, kill};
pub use database::{CHINOOK, Database, EMPTY, database, shared};
pub use papers::{Papers, papers};
pub use pooler::Pooler;
pub use proxy::{Path, Proxy};
pub use redis::Redis;
pub use served::{Served, migrate, rowcall};
pub use tap::Tap;
