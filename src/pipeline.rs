//! A call → its answer.

use std::sync::Arc;

use bytes::Bytes;

use crate::Error;
use crate::call::{Call, Notes};
use crate::plan::{Method, Plans};
use crate::wire::Payload;

pub struct Pipeline {
    plans: Arc<Plans>,
}

pub struct Chunks;

impl Pipeline {
    pub fn plans(&self) -> Arc<Plans> {
        self.plans.clone()
    }

    pub async fn unary(
        &self,
        _plans: &Arc<Plans>,
        _method: &Arc<Method>,
        _call: &Call,
        _request: Bytes,
        _notes: &mut Notes,
    ) -> Result<Payload, Error> {
        Err(Error::ResultTooLarge { bytes_max: 0 })
    }

    pub fn stream(
        self: &Arc<Self>,
        _plans: Arc<Plans>,
        _method: Arc<Method>,
        _call: Call,
        _request: Bytes,
    ) -> Chunks {
        Chunks
    }
}

impl Chunks {
    pub async fn next(&mut self) -> Option<Result<Payload, Error>> {
        None
    }

    pub fn notes(&self) -> Notes {
        Notes::default()
    }
}
