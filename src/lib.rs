//! Rowcall: a typed, fast, observable gRPC API for any Postgres database, from a `.proto` file.

pub mod app;
pub mod cache;
pub mod call;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod contract;
#[cfg(test)]
mod damage;
pub mod embedded;
pub mod error;
pub mod feed;
pub mod forecast;
pub mod grpc;
pub mod load;
pub mod nearest;
pub mod own_task;
pub mod pipeline;
pub mod plan;
pub mod postgres;
pub mod redis;
pub mod sql;
pub mod telemetry;
pub mod upkeep;
pub mod wire;

pub use error::Error;
