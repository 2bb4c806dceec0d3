//! Contract × catalog → plans, once per load; a call's request → a query, once per call.
//!
//! Pure: no I/O, no clock, no async, no logging.

pub mod bind;
pub mod codec;
pub mod compile;
pub mod depends;
pub mod filter;
#[cfg(test)]
pub(crate) mod fixture;
pub mod mask;
pub mod method;
pub mod name;
pub mod open;
pub mod order;
pub mod path;
pub mod projection;
pub mod query;
pub mod reach;
pub mod refusal;
pub mod relation;
pub mod resource;
pub mod token;
pub mod value;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use prost_protovalidate::Validator;
use rustc_hash::FxHashMap;

pub use compile::{Report, compile};
pub use depends::Depends;
pub use method::Method;
pub use projection::Projection;
pub use query::Select;
pub use reach::Reach;
pub use refusal::{Refusal, Violation};
pub use relation::Relation;
pub use resource::Resource;

use crate::catalog::Oid;
use crate::contract::Contract;
use crate::feed::Recorded;
use method::Kind;

/// Everything that serving needs to know, replaced as a whole on reload.
pub struct Plans {
    pub contract: Arc<Contract>,
    /// By position in `Contract::resources`.
    pub resources: Vec<Resource>,
    /// By path: `/chinook.v1.ChinookService/GetTrack`.
    pub methods: FxHashMap<String, Arc<Method>>,
    /// The tables that have to be followed for the cache, each once.
    pub recorded: Vec<Recorded>,
    /// The views whose definitions have to be.
    pub views: Vec<Oid>,
    /// Of the contract and the catalog they were made from: equal plans have equal names, in every process.
    pub digest: String,
    /// When the catalog began to be read; None where nobody said. What DDL does after that, the plans may not know.
    pub read_at: Option<Instant>,
    /// Transactions below this id, an `xid8`, had ended when the catalog was read: what they did, the plans know.
    pub read_since: u64,
    /// `buf.validate` rules, compiled at their first use. None when the contract cannot have any.
    pub validator: Option<Validator>,
}

impl Plans {
    pub fn new(contract: Arc<Contract>, resources: Vec<Resource>) -> Self {
        let validator = contract.has_rules().then(Validator::new);
        let (recorded, views) = (Vec::new(), Vec::new());
        Plans {
            contract,
            resources,
            methods: FxHashMap::default(),
            recorded,
            views,
            digest: String::new(),
            read_at: None,
            read_since: 0,
            validator,
        }
    }

    /// Before the database was seen: every method is there, and none can be answered.
    pub fn unseen(contract: Arc<Contract>) -> Self {
        let promised = contract.services.iter().flat_map(|service| &service.methods);
        let unseen = promised.map(|promised| Arc::new(Method::new(promised, Kind::Unseen)));
        let methods = unseen.map(|method| (method.path.clone(), method)).collect();
        Plans { methods, ..Plans::new(contract, Vec::new()) }
    }
}

impl fmt::Debug for Plans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plans").field("resources", &self.resources).field("methods", &self.methods).finish()
    }
}
