//! Our own loops beside the calls.

pub mod feed;
pub mod reload;
pub mod verify;
