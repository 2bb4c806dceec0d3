//! What the database tells of changes: how each table is followed, and what triggers write → tags.
//!
//! ```text
//! writer ──► trigger of rowcall.change ──► poll ──► Ledger      what changed
//!                         catalog rows ──► poll ──► Following   whether all changes are told
//! ```
//!
//! Pure but for [`Feed`], which is what the loop in `upkeep` and the calls share.

mod canonical;
mod following;
mod handle;
pub mod poll;
mod recorded;
pub mod schema;
pub mod standing;
pub mod trigger;
pub mod verdict;

pub use canonical::{Form, key_bytes, key_sql};
pub use following::{Following, Mode, Why, plans_name};
pub use handle::{Feed, Status};
pub use recorded::{Recorded, Told};
