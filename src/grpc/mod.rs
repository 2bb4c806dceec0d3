//! gRPC calls over HTTP/2 → calls of the pipeline, and their outcomes → frames, metadata and status.
//!
//! Alone in knowing tonic and hyper. Of tonic it takes the decoding of requests, `Status` and the
//! messages of health, reflection and error details; connections are hyper's, responses our own.

mod allowance;
mod answer;
mod body;
mod calls;
mod compression;
mod connection;
mod descriptors;
mod details;
mod frames;
mod health;
mod health_list;
mod linger;
mod listener;
mod metadata;
mod notes;
mod owed;
mod pipeline;
mod preface;
mod pulse;
mod reader;
mod reason;
mod reflection;
mod refusals;
mod request;
mod routes;
mod settings;
mod socket;
mod status;
mod timeout;
mod tls;

pub use listener::{Load, Server, Signs};
pub use pipeline::{Answers, Chunks};
pub use settings::{Compression, Settings, Tls};
pub use tls::Certificates;

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the listener cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on {address}: choose another address, or stop what has it")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("cannot read {path}: it must be a PEM file with {holds}")]
    Pem { path: PathBuf, holds: &'static str, source: rustls::pki_types::pem::Error },
    #[error("{path} holds no certificate")]
    NoCertificate { path: PathBuf },
    #[error("the certificate {path} and its key do not work together")]
    Certificate { path: PathBuf, source: rustls::Error },
    #[error("{path} holds no certificate to know callers by")]
    ClientRoots { path: PathBuf, source: rustls::server::VerifierBuilderError },
}
