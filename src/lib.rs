//! Rowcall: a typed, fast, observable gRPC API for any Postgres database, from a `.proto` file.

pub mod catalog;
pub mod contract;
pub mod embedded;
pub mod postgres;
pub mod sql;
