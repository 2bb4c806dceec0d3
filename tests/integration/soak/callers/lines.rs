//! A caller's connections: one to each instance, made again when it has ended.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::body::Body;

use crate::soak::site::{self, INSTANCES};
use crate::support::Client;

/// An instance that is stopped takes connections and says nothing.
const CONNECT_MAX: Duration = Duration::from_secs(5);

pub struct Lines {
    /// Knows the contract.
    client: Client,
    lines: [Option<Line>; INSTANCES],
}

struct Line {
    client: Client,
    connection: SendRequest<Body>,
}

impl Lines {
    /// All instances have to run.
    pub async fn new(address: SocketAddr) -> Lines {
        let client = Client::connect(site::contract(), address).await;
        Lines { client, lines: Default::default() }
    }

    /// None when it takes no connection.
    pub async fn to(&mut self, at: usize, address: SocketAddr) -> Option<Client> {
        if let Some(line) = self.lines[at].as_ref().filter(|line| !line.connection.is_closed()) {
            return Some(line.client.clone());
        }
        let opened = timeout(CONNECT_MAX, async {
            let socket = TcpStream::connect(address).await.ok()?;
            socket.set_nodelay(true).ok()?;
            handshake(TokioExecutor::new(), TokioIo::new(socket)).await.ok()
        });
        let (connection, driven) = opened.await.ok()??;
        tokio::spawn(driven);
        let client = self.client.over(connection.clone(), None);
        let line = self.lines[at].insert(Line { client, connection });
        Some(line.client.clone())
    }

    /// Another is made next time.
    pub fn drop(&mut self, at: usize) {
        self.lines[at] = None;
    }
}
