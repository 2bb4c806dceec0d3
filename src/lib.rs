//! Rowcall: a typed, fast, observable gRPC API for any Postgres database, from a `.proto` file.

pub mod catalog;
pub mod cli;
pub mod config;
pub mod contract;
pub mod sql;
