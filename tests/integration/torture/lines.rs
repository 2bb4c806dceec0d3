//! The connections that callers share: each takes answers its own way, ages, and may be cut at any moment.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;

use crate::support::Client;

const LINES: usize = 8;

/// How answers are taken; None is plain.
const ENCODINGS: [Option<CompressionEncoding>; 4] =
    [None, Some(CompressionEncoding::Gzip), None, Some(CompressionEncoding::Zstd)];

/// A connection is tried for so long before the listener is said not to answer.
const CONNECT_MAX: Duration = Duration::from_secs(10);

pub struct Lines {
    /// Knows the contract.
    client: Client,
    address: SocketAddr,
    lines: Vec<Mutex<Option<Line>>>,
}

#[derive(Clone)]
pub struct Line {
    pub client: Client,
    connection: SendRequest<Body>,
    driven: AbortHandle,
    cut: Arc<AtomicBool>,
}

impl Lines {
    pub fn new(client: Client, address: SocketAddr) -> Lines {
        Lines { client, address, lines: (0..LINES).map(|_| Mutex::default()).collect() }
    }

    /// Any of them, opened again when it has ended.
    pub async fn any(&self, dice: &mut StdRng) -> Result<Line, String> {
        let at = dice.random_range(0..LINES);
        let open = || self.lock(at).clone().filter(|line| !line.ended());
        if let Some(line) = open() {
            return Ok(line);
        }
        let opened = self.open(ENCODINGS[at % ENCODINGS.len()]).await?;
        let mut line = self.lock(at);
        // Another caller may have been quicker.
        if let Some(line) = line.as_ref().filter(|line| !line.ended()) {
            return Ok(line.clone());
        }
        Ok(line.insert(opened).clone())
    }

    /// One that nobody else has.
    pub async fn open(&self, accepts: Option<CompressionEncoding>) -> Result<Line, String> {
        let opened = tokio::time::timeout(CONNECT_MAX, async {
            let socket = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
            socket.set_nodelay(true).map_err(|error| error.to_string())?;
            handshake(TokioExecutor::new(), TokioIo::new(socket)).await.map_err(|error| error.to_string())
        });
        let (connection, driven) = opened.await.map_err(|_| "Rowcall's listener does not answer")??;
        Ok(Line {
            client: self.client.over(connection.clone(), accepts),
            connection,
            driven: tokio::spawn(driven).abort_handle(),
            cut: Arc::default(),
        })
    }

    /// Hangs up on Rowcall with all its calls under way.
    pub fn cut(&self, dice: &mut StdRng) {
        if let Some(line) = self.lock(dice.random_range(0..LINES)).take() {
            line.cut.store(true, Ordering::SeqCst);
            line.driven.abort();
        }
    }

    fn lock(&self, at: usize) -> MutexGuard<'_, Option<Line>> {
        self.lines[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// By us, not by Rowcall.
    pub fn was_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    /// Takes no more calls.
    pub fn ended(&self) -> bool {
        self.was_cut() || self.connection.is_closed()
    }
}
