//! A port for a server that starts later, or that stops and comes back. The tests of the program itself have it from here.

use std::net::TcpListener;
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

/// Linux takes the ports of connections from above these; a Redis of a cluster listens 10,000 above its port as well, which is
/// not among those either.
const PORTS: Range<u16> = 10_000..22_000;

/// A port of the caller's own: no other caller gets it, and no connection either. None when none is free.
pub fn free_port() -> Option<u16> {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random_range(PORTS)));
    let next = |port| Some(if port + 1 < PORTS.end { port + 1 } else { PORTS.start });
    let mut ports = PORTS.filter_map(|_| NEXT.fetch_update(Relaxed, Relaxed, next).ok());
    ports.find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
}
