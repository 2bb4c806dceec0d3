//! A path between a server and Postgres that can go silent, be refused or be cut.

use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use socket2::{SockFilter, SockRef};
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
    /// What is asked arrives, and what is answered stands still until it opens.
    Mute,
    /// Every connection is closed, and further ones as they come.
    Cut,
}

/// Listens for as long as it is held.
pub struct Proxy {
    pub port: u16,
    server: Arc<AtomicU16>,
    path: watch::Sender<Path>,
    accepted: Arc<AtomicUsize>,
    callers: Callers,
}

/// The sockets of callers, while their connections stand.
type Callers = Arc<Mutex<Vec<Weak<OwnedFd>>>>;

/// `BPF_RET` of nothing: the kernel drops the packet before TCP sees it.
const DROP: SockFilter = SockFilter::new(0x06, 0, 0, 0);

impl Proxy {
    /// In front of a server on this machine.
    pub async fn start(server: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let (path, changes) = watch::channel(Path::Open);
        let accepted = Arc::new(AtomicUsize::new(0));
        let counted = accepted.clone();
        let server = Arc::new(AtomicU16::new(server));
        let behind = server.clone();
        let callers = Callers::default();
        let known = callers.clone();
        tokio::spawn(async move {
            loop {
                let mut path = changes.clone();
                let caller = tokio::select! {
                    accepted = listener.accept() => accepted.expect("the listener listens").0,
                    // Fails once nobody holds the proxy.
                    Err(_) = async { path.wait_for(|_| false).await } => return,
                };
                counted.fetch_add(1, Ordering::SeqCst);
                let server = behind.load(Ordering::SeqCst);
                tokio::spawn(carry(caller, server, changes.clone(), known.clone()));
            }
        });
        Proxy { port, server, path, accepted, callers }
    }

    pub fn set(&self, path: Path) {
        self.path.send_replace(path);
    }

    /// Further connections go to another server on this machine.
    pub fn lead_to(&self, server: u16) {
        self.server.store(server, Ordering::SeqCst);
    }

    /// From now on, what callers send on the connections that stand is lost on its way, and nothing of
    /// it acknowledged, as when a host is gone; further connections are as any.
    pub fn deafen(&self) {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        for socket in callers.drain(..).filter_map(|caller| caller.upgrade()) {
            SockRef::from(&*socket).attach_filter(&[DROP]).expect("a socket takes a filter");
        }
    }

    /// Connections that came since this was asked last.
    pub fn accepted(&self) -> usize {
        self.accepted.swap(0, Ordering::SeqCst)
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

/// Both directions, until one ends or the path is cut.
async fn carry(caller: TcpStream, server: u16, mut path: watch::Receiver<Path>, callers: Callers) {
    let socket = Arc::new(caller.as_fd().try_clone_to_owned().expect("a descriptor is left"));
    callers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&socket));
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
            () = pump(asks, told, path.clone(), |now| now != Path::Silent) => {}
            () = pump(answers, hears, path, |now| now == Path::Open) => {}
        }
    };
    tokio::select! {
        () = carried => {}
        _ = cut.wait_for(|now| *now == Path::Cut) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut path: watch::Receiver<Path>,
    passes: fn(Path) -> bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(bytes @ 1..) = from.read(&mut buffer).await {
        let open = path.wait_for(|now| passes(*now)).await.is_ok();
        if !open || to.write_all(&buffer[..bytes]).await.is_err() {
            return;
        }
    }
}
