//! A connection for questions beside calls and feed, which may have to wait: made when the first is asked.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::postgres::{Error, Postgres, Session, Settings, Want};

/// Clones share it.
#[derive(Clone)]
pub struct Asking {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    postgres: OnceCell<Postgres>,
}

impl Asking {
    /// Connects to nothing.
    pub fn new(settings: Settings) -> Self {
        Asking { inner: Arc::new(Inner { settings, postgres: OnceCell::new() }) }
    }

    pub async fn session(&self, want: Want) -> Result<Session, Error> {
        let made = async || Postgres::new(self.inner.settings.clone());
        self.inner.postgres.get_or_try_init(made).await?.session(want).await
    }

    /// Where it is; None while nothing was asked.
    pub fn pool(&self) -> Option<Postgres> {
        self.inner.postgres.get().cloned()
    }

    pub async fn close(&self) {
        if let Some(postgres) = self.inner.postgres.get() {
            postgres.close().await;
        }
    }
}
