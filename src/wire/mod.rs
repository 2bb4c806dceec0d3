//! Rows → protobuf bytes, frames and their compression.
//!
//! Pure. Postgres' binary columns go in and gRPC frames come out, with no struct per row and no
//! allocation per field; only messages read from JSON take one.

mod error;
mod field;
mod json;
mod page;
mod payload;
mod proto_json;
mod put;
mod row;
mod rows;
#[cfg(test)]
mod tests;
mod time;

pub use error::Error;
pub use page::{Limits, Page, Pushed, messages};
pub use payload::{Encoding, Payload, is_packed};
pub use proto_json::{UnknownKeys, message as message_from_json};
pub use row::{message, row};
pub use rows::{Children, Columns, Level};
