//! Rows, one after another → a response message with a field of rows and a few fields around it.

use prost_reflect::Kind;

use super::Settings;
use crate::plan::{Method, Projection};
use crate::postgres::Row;
use crate::wire::{self, Level, Payload};
pub(super) use crate::wire::Pushed;

/// A response under construction.
pub(super) struct Page {
    page: wire::Page,
    bytes_max: usize,
    message_bytes_max: usize,
}
