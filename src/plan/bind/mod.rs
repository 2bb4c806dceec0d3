//! A call's request → a query: decoded, validated and with everything that is wrong reported at once.

mod function;
mod key;
mod list;
mod request;

use std::time::Duration;

pub use function::function;
pub use key::{Lookup, Wanted, batch_get, get};
pub use list::{Context, Listing, Total, list};
pub use request::Request;

use super::projection::Unfit;
use super::{Refusal, Violation, filter};

/// Why a request does not become a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    Refused(Refusal),
    /// The mask names a relation to a resource that does not serve.
    Unfit(Unfit),
}

/// How much a request may ask for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Rows of a page when the request does not say.
    pub page_default: u32,
    /// Rows of a page at most; more is cut down.
    pub page_max: u32,
    /// Rows of a BatchGet at most.
    pub batch_max: usize,
    pub filter: filter::Limits,
    /// How long a page or resume token is good for.
    pub token_age_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            page_default: 50,
            page_max: 1_000,
            batch_max: 1_000,
            filter: filter::Limits::default(),
            token_age_max: Duration::from_secs(3 * 24 * 3_600),
        }
    }
}

impl From<Violation> for Failure {
    fn from(violation: Violation) -> Self {
        Failure::Refused(violation.into())
    }
}

impl From<Vec<Violation>> for Failure {
    fn from(violations: Vec<Violation>) -> Self {
        Failure::Refused(Refusal { violations })
    }
}

impl From<Unfit> for Failure {
    fn from(unfit: Unfit) -> Self {
        Failure::Unfit(unfit)
    }
}

#[cfg(test)]
mod damage;
#[cfg(test)]
mod tests;
