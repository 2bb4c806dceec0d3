//! Contract × catalog → plans, once per load; a call's request → a query, once per call.
//!
//! Pure: no I/O, no clock, no async, no logging.

pub mod codec;
pub mod filter;
pub mod method;
pub mod projection;
pub mod query;
pub mod refusal;
pub mod relation;
pub mod resource;
pub mod value;

use std::collections::HashMap;
use std::sync::Arc;

pub use method::Method;
pub use projection::Projection;
pub use query::Select;
pub use refusal::{Refusal, Violation};
pub use relation::Relation;
pub use resource::Resource;

use crate::contract::Contract;

/// Everything that serving needs to know, replaced as a whole on reload.
#[derive(Debug)]
pub struct Plans {
    pub contract: Arc<Contract>,
    /// By position in `Contract::resources`.
    pub resources: Vec<Resource>,
    /// By path: `/chinook.v1.ChinookService/GetTrack`.
    pub methods: HashMap<String, Arc<Method>>,
}
