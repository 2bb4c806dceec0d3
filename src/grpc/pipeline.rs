//! What answers calls, as the listener sees it: the pipeline, or a script in the listener's own tests.
//!
//! A trait because it has these two: how calls are held, left, cut and drained cannot be steered
//! through a database.

use std::sync::Arc;

use bytes::Bytes;

use crate::Error;
use crate::call::{Call, Notes};
use crate::pipeline::{Answer, Pipeline};
use crate::plan::{Method, Plans};
use crate::wire::Payload;

/// Dropping a future of `unary`, or the chunks of a stream, ends its work.
pub trait Answers: Send + Sync + 'static {
    type Chunks: Chunks;

    /// The plans of this moment; loaded once per call.
    fn plans(&self) -> Arc<Plans>;

    fn unary(
        &self,
        plans: &Arc<Plans>,
        method: &Arc<Method>,
        call: &Call,
        request: Bytes,
        notes: &mut Notes,
    ) -> impl Future<Output = Result<Answer, Error>> + Send;

    fn stream(
        self: &Arc<Self>,
        plans: Arc<Plans>,
        method: Arc<Method>,
        call: Call,
        request: Bytes,
    ) -> Self::Chunks;
}

/// The messages of a stream, one by one.
pub trait Chunks: Send + 'static {
    fn next(&mut self) -> impl Future<Output = Option<Result<Payload, Error>>> + Send;

    /// Its caller has taken a piece of the last message.
    fn taken(&self) {}

    /// What there is to say so far.
    fn notes(&self) -> Notes;
}

impl Answers for Pipeline {
    type Chunks = crate::pipeline::Chunks;

    fn plans(&self) -> Arc<Plans> {
        Pipeline::plans(self)
    }

    fn unary(
        &self,
        plans: &Arc<Plans>,
        method: &Arc<Method>,
        call: &Call,
        request: Bytes,
        notes: &mut Notes,
    ) -> impl Future<Output = Result<Answer, Error>> + Send {
        Pipeline::unary(self, plans, method, call, request, notes)
    }

    fn stream(
        self: &Arc<Self>,
        plans: Arc<Plans>,
        method: Arc<Method>,
        call: Call,
        request: Bytes,
    ) -> Self::Chunks {
        Pipeline::stream(self, plans, method, call, request)
    }
}

impl Chunks for crate::pipeline::Chunks {
    fn next(&mut self) -> impl Future<Output = Option<Result<Payload, Error>>> + Send {
        crate::pipeline::Chunks::next(self)
    }

    fn taken(&self) {
        crate::pipeline::Chunks::taken(self);
    }

    fn notes(&self) -> Notes {
        crate::pipeline::Chunks::notes(self)
    }
}
