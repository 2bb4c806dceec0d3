//! What an operator can set about the listener; every limit has a name.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Settings {
    pub address: SocketAddr,
    /// None is plaintext.
    pub tls: Option<Tls>,
    /// More are closed as they come.
    pub connections_max: usize,
    /// Calls at once on one connection; the caller's library queues the rest.
    pub streams_max: u32,
    /// Calls at once on all connections; more are OVERLOADED.
    pub calls_max: usize,
    /// Of a call's metadata.
    pub header_list_bytes_max: u32,
    /// Of a request, decompressed.
    pub message_bytes_max: usize,
    /// After this, more or less `connection_age_jitter`, a connection is told to go.
    pub connection_age_max: Duration,
    pub connection_age_jitter: Duration,
    /// How long the calls of a connection that was told to go may still run.
    pub connection_age_grace: Duration,
    /// An idle connection is pinged so often …
    pub keepalive_interval: Duration,
    /// … and closed when no answer comes for so long.
    pub keepalive_timeout: Duration,
    /// From the TCP connection to its first byte, or to the end of the TLS handshake.
    pub handshake_max: Duration,
    /// How long calls may still run once the server is told to stop.
    pub drain_grace: Duration,
    /// Of a unary call, and of each chunk of a stream, whose caller sets none.
    pub deadline_default: Duration,
    pub compression: Compression,
    pub reflection_options: OptionsShown,
}

/// Certificates, as PEM files.
#[derive(Debug, Clone)]
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Whose certificates callers must show; None asks for none.
    pub client_roots: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub struct Compression {
    /// Smaller messages go plain.
    pub bytes_min: usize,
    /// Larger ones are compressed off the event loop.
    pub inline_bytes_max: usize,
    /// Whether callers on loopback get it too: there it costs more than it saves.
    pub loopback: bool,
}

/// Whether reflection shows the `rowcall.v1` options, which name tables and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionsShown {
    Yes,
    No,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 50051)),
            tls: None,
            connections_max: 10_000,
            streams_max: 1_000,
            calls_max: 10_000,
            header_list_bytes_max: 16 * 1024,
            message_bytes_max: 4 * 1024 * 1024,
            connection_age_max: Duration::from_secs(300),
            connection_age_jitter: Duration::from_secs(30),
            connection_age_grace: Duration::from_secs(60),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            handshake_max: Duration::from_secs(5),
            drain_grace: Duration::from_secs(30),
            deadline_default: Duration::from_secs(10),
            compression: Compression::default(),
            reflection_options: OptionsShown::No,
        }
    }
}

impl Default for Compression {
    fn default() -> Self {
        Compression { bytes_min: 1024, inline_bytes_max: 64 * 1024, loopback: false }
    }
}
