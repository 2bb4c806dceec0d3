//! Callers that mean harm: each is ended, and others are answered all the time.

mod bombs;
mod bystander;
mod floods;
mod garbage;
mod memory;
mod slow;
mod stalled;
mod wire;
