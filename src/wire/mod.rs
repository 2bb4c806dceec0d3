//! Rows → protobuf bytes, frames and their compression.
//!
//! Pure. Postgres' binary columns go in and gRPC frames come out, with no struct per row and no
//! allocation per field.

pub mod rows;

pub use rows::{Children, Columns, Level};
