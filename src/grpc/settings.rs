//! What an operator can set about the listener; every limit has a name, and its default in `config`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::contract::ReflectOptions;
use crate::telemetry::Telemetry;

#[derive(Debug, Clone)]
pub struct Settings {
    /// Told of every call.
    pub telemetry: Telemetry,
    pub address: SocketAddr,
    /// None is plaintext.
    pub tls: Option<Tls>,
    /// Further ones are closed as they come.
    pub connections_max: usize,
    /// Calls at once on one connection; the caller's library queues the rest.
    pub streams_max: u32,
    /// Calls at once on all connections; more are OVERLOADED.
    pub calls_max: usize,
    /// Calls refused because there is too much to do; a further refusal waits.
    pub refusals_per_second: u32,
    /// Of a call's metadata.
    pub headers_bytes_max: u32,
    /// Of a request, decompressed.
    pub message_bytes_max: usize,
    /// A connection is told to go at this age, with at most `age_jitter` more …
    pub age_max: Duration,
    pub age_jitter: Duration,
    /// … and its calls may then still run for so long.
    pub age_grace: Duration,
    /// An idle connection is pinged so often …
    pub keepalive_interval: Duration,
    /// … and closed when no answer comes for so long.
    pub keepalive_timeout: Duration,
    /// From the TCP connection to its first HTTP/2 settings, the TLS handshake included.
    pub handshake_max: Duration,
    /// How long a caller may take nothing of an answer before its stream is reset.
    pub unread_max: Duration,
    /// From the first byte of a frame, or of a call's headers, to the last.
    pub frame_max: Duration,
    /// From the headers of a call to the end of its request.
    pub request_max: Duration,
    /// A connection that takes nothing of what it is owed for so long is closed …
    pub stall_max: Duration,
    /// … and one without calls for so long is told to go.
    pub idle_max: Duration,
    /// Pings, settings and other frames that are no calls, in the long run; ten times as many at once.
    pub control_frames_per_second: u32,
    /// Calls that their caller leaves, likewise.
    pub resets_per_second: u32,
    /// Of each answer, so much is taken at a time to be sent.
    pub send_buffer_bytes: usize,
    /// So much of requests may be on its way on a connection.
    pub receive_buffer_bytes: u32,
    /// Of unary answers that a connection has not taken; then its further calls wait.
    pub answers_bytes_max: usize,
    /// How long calls may still run once the server is told to stop.
    pub drain_grace: Duration,
    /// Of a unary call, and of each chunk of a stream, whose caller sets none.
    pub deadline_default: Duration,
    pub compression: Compression,
    /// Whether reflection shows the `rowcall.v1` options, which name tables and columns.
    pub reflection_options: ReflectOptions,
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
