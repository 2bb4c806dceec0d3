//! Our own loops beside the calls.

pub mod reload;
