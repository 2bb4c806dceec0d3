//! One stream → its chunks, and how it ends.

use std::sync::Arc;
use std::time::Instant;

use prost_reflect::DynamicMessage;
use serde_json::Value;
use tokio::time::timeout;

use super::ask::LATE_MAX;
use super::terms::Terms;
use crate::support::{Chunks, Failure, json};
use crate::torture::Torture;
use crate::torture::lines::Line;

/// One stream, from its beginning or a token.
pub struct Stream {
    torture: Arc<Torture>,
    line: Line,
    method: &'static str,
    request: Value,
    terms: Terms,
    began: Instant,
    /// None before the first chunk.
    chunks: Option<Chunks>,
}

pub enum Next {
    Chunk(Value),
    End,
    /// As it may: behind the last token another goes on.
    Failed,
    /// There is nothing to go on from.
    Over,
}

impl Stream {
    pub fn new(
        torture: Arc<Torture>,
        line: Line,
        method: &'static str,
        request: Value,
        terms: Terms,
    ) -> Stream {
        torture.tally.called(method);
        Stream { torture, line, method, request, terms, began: Instant::now(), chunks: None }
    }

    pub async fn next(&mut self) -> Next {
        let patience = self.terms.deadline() + LATE_MAX;
        let Ok(next) = timeout(patience, self.take()).await else {
            self.torture.wrong(self.method, &self.request, "a chunk", "none, long after the deadline");
            return Next::Over;
        };
        match next {
            Ok(Some(message)) => Next::Chunk(json(&message)),
            Ok(None) => Next::End,
            Err(failure) => {
                let Stream { torture, line, method, request, terms, began, .. } = self;
                torture.failed(line, method, request, *terms, *began, &failure);
                if failure.reason == "TOKEN_INVALID" { Next::Over } else { Next::Failed }
            }
        }
    }

    async fn take(&mut self) -> Result<Option<DynamicMessage>, Failure> {
        let chunks = match &mut self.chunks {
            Some(chunks) => chunks,
            None => {
                let timeout_text = self.terms.timeout();
                let metadata: Vec<_> =
                    timeout_text.iter().map(|text| ("grpc-timeout", text.as_str())).collect();
                let asked = self.line.client.stream_with(self.method, self.request.clone(), &metadata);
                self.chunks.insert(asked.await?)
            }
        };
        chunks.next().await
    }
}
