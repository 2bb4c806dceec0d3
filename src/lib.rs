//! Rowcall: a typed, fast, observable gRPC API for any Postgres database, from a `.proto` file.

pub mod call;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod contract;
pub mod plan;
pub mod postgres;
pub mod sql;
pub mod wire;
