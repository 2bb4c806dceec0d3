//! Our own loops beside the calls.

pub mod asking;
pub mod backends;
pub mod explain;
pub mod feed;
pub mod reload;
pub mod verify;
