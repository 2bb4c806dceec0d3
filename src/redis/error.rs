//! What is wrong with the settings of Redis. What is wrong with Redis itself is nobody's error: it is done without.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "redis.url is not usable ({0}); it is redis://host:port/database, rediss:// for TLS, or several of a cluster"
    )]
    Url(String),
    #[error("cannot read {path}", path = .path.display())]
    File { path: PathBuf, source: std::io::Error },
}
