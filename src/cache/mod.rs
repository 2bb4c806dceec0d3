//! What Postgres says is visible × what changed → whether kept bytes may be served.
//!
//! The law:
//!
//! > An entry carries the snapshot it was read with. It may be served only if every change heard of, to anything it was
//! > made from, is visible in that snapshot; the feed is alive; and the snapshot is not older than the caller's token.
//!
//! ```text
//! a poll's answer ──► ledger ◄── a write of our own          once per poll, once per write
//!                       │
//!     entry's label ──► judge ◄── wanted: lag, token          once per read
//!                       │
//!                    verdict: good, or why not
//! ```
//!
//! - A [`Snapshot`] is Postgres' (xmin, xmax, in progress); a [`Seen`] is what an answer was read with, at least and at most.
//! - A [`Tag`] is what a change touches and an entry depends on.
//! - A [`Label`] is what an entry keeps beside its bytes: epoch, seen, tags.
//! - An [`Entry`] is an answer with its label; it has a form in bytes, by which other processes know it.
//! - The [`Ledger`] is what one process heard of changes, and judges labels. Why its shortcuts are sound is said there.
//! - A [`Token`] is what callers carry from a write or a read to the reads that must not be older.
//!
//! All of these are pure: no I/O, no async; clocks are passed in. Beside them stands what keeps entries:
//!
//! - A [`Key`] names an [`Entry`], which is bytes and their proof; a [`Store`] keeps entries within a limit.
//! - [`Flights`] let one caller fetch what several ask for.
//!
//! Who asks the feed and answers callers stands elsewhere; nothing here knows what the bytes mean.

mod entry;
mod epoch;
mod error;
mod flight;
mod form;
mod key;
mod label;
mod ledger;
#[cfg(test)]
mod model;
mod seen;
mod snapshot;
mod store;
mod tag;
mod token;

pub use entry::{Entry, Proof};
pub use epoch::Epoch;
pub use error::Error;
pub use flight::{Flights, Lead, Part};
pub use form::{FORM_VERSION, Moment};
pub use key::{Key, Prefix};
pub use label::Label;
pub use ledger::{Asked, Ledger, Limits, Poll, Size, Verdict, Want};
pub use seen::Seen;
pub use snapshot::{Snapshot, Xid};
pub use store::{Fill, Kept, Settings, Store};
pub use tag::Tag;
pub use token::{TOKEN_BYTES_MAX, Token};
