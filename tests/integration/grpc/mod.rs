//! What the listener promises, with a script in the pipeline's place.

mod calls;
mod compression;
mod connections;
mod deadlines;
mod failures;
mod health;
mod http;
mod reflection;
pub(crate) mod script;
pub(crate) mod served;
mod slow_readers;
mod streams;
mod tls;

pub use served::Plain;
