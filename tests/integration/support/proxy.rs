//! A path between a server and Postgres that can go silent, be refused or be cut.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    Open,
    /// A black hole: connections are taken and nothing moves, in either direction, until it opens.
    Silent,
    /// Every connection is closed, and further ones as they come.
    Cut,
}

/// Listens for as long as it is held.
pub struct Proxy {
    pub port: u16,
    path: watch::Sender<Path>,
}

impl Proxy {
    /// In front of a server on this machine.
    pub async fn start(server: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let (path, changes) = watch::channel(Path::Open);
        tokio::spawn(async move {
            loop {
                let mut path = changes.clone();
                let caller = tokio::select! {
                    accepted = listener.accept() => accepted.expect("the listener listens").0,
                    // Fails once nobody holds the proxy.
                    Err(_) = async { path.wait_for(|_| false).await } => return,
                };
                tokio::spawn(carry(caller, server, changes.clone()));
            }
        });
        Proxy { port, path }
    }

    pub fn set(&self, path: Path) {
        self.path.send_replace(path);
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

/// Both directions, until one ends or the path is cut.
async fn carry(caller: TcpStream, server: u16, mut path: watch::Receiver<Path>) {
    let open = async |path: &mut watch::Receiver<Path>| path.wait_for(|now| *now == Path::Open).await.is_ok();
    let mut cut = path.clone();
    let carried = async {
        if !open(&mut path).await {
            return;
        }
        // A server that is down is seen as it is: the connection ends.
        let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
        let _ = (caller.set_nodelay(true), server.set_nodelay(true));
        let (asks, hears) = caller.into_split();
        let (answers, told) = server.into_split();
        tokio::select! {
            () = pump(asks, told, path.clone()) => {}
            () = pump(answers, hears, path) => {}
        }
    };
    tokio::select! {
        () = carried => {}
        _ = cut.wait_for(|now| *now == Path::Cut) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut path: watch::Receiver<Path>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(bytes @ 1..) = from.read(&mut buffer).await {
        let open = path.wait_for(|now| *now == Path::Open).await.is_ok();
        if !open || to.write_all(&buffer[..bytes]).await.is_err() {
            return;
        }
    }
}
