//! An address → a socket, encrypted when asked for.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::error::Error;
use super::tls;
use super::wire::Io;

/// One place to connect to, in one way.
pub(super) struct Endpoint {
    pub address: Address,
    pub tls: Option<Tls>,
    pub keepalives: Keepalives,
}

#[derive(Debug, Clone)]
pub(super) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

#[derive(Clone)]
pub(super) struct Tls {
    pub config: Arc<rustls::ClientConfig>,
    pub name: ServerName<'static>,
    pub negotiation: Negotiation,
    pub without: Without,
}

/// How the server is told that TLS comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Negotiation {
    /// Asked first, as all versions know it.
    Asked,
    /// At once; Postgres 17 and later.
    Direct,
}

/// What to do when the server has no TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Without {
    Refuse,
    GoOn,
}

/// TCP's own checks on a silent peer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Keepalives {
    pub disabled: bool,
    pub idle: Option<Duration>,
    pub interval: Option<Duration>,
    pub count: Option<u32>,
    pub user_timeout: Option<Duration>,
}

/// A socket, and what SCRAM can bind to.
pub(super) struct Opened {
    pub stream: Box<dyn Io>,
    pub encrypted: Option<Encrypted>,
}

pub(super) struct Encrypted {
    /// `tls-server-end-point`: the hash of the server's certificate, where it is defined.
    pub binding: Option<Vec<u8>>,
}

impl Endpoint {
    pub async fn open(&self) -> Result<Opened, Error> {
        let address = match &self.address {
            Address::Unix(path) => {
                let stream = UnixStream::connect(path)
                    .await
                    .map_err(|error| Error::Unreachable(format!("{}: {error}", path.display())))?;
                return Ok(Opened { stream: Box::new(stream), encrypted: None });
            }
            Address::Tcp(address) => address,
        };
        let refused = |error: std::io::Error| Error::Unreachable(format!("{address}: {error}"));
        let mut stream = TcpStream::connect(address).await.map_err(refused)?;
        stream.set_nodelay(true)?;
        self.keepalives.apply(&stream)?;
        let Some(tls) = &self.tls else { return Ok(Opened { stream: Box::new(stream), encrypted: None }) };
        if tls.negotiation == Negotiation::Asked {
            let mut request = BytesMut::new();
            frontend::ssl_request(&mut request);
            stream.write_all(&request).await?;
            // One byte and no more: what came behind it would not have been encrypted.
            match (stream.read_u8().await?, tls.without) {
                (b'S', _) => {}
                (b'N', Without::GoOn) => return Ok(Opened { stream: Box::new(stream), encrypted: None }),
                _ => return Err(Error::Tls(format!("{address}: the server has none"))),
            }
        }
        let stream = TlsConnector::from(tls.config.clone())
            .connect(tls.name.clone(), stream)
            .await
            .map_err(|error| Error::Tls(format!("{address}: {error}")))?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let binding = certificate.and_then(|certificate| tls::binding::server_end_point(certificate));
        Ok(Opened { stream: Box::new(stream), encrypted: Some(Encrypted { binding }) })
    }
}

impl Keepalives {
    fn apply(&self, stream: &TcpStream) -> Result<(), Error> {
        let socket = SockRef::from(stream);
        if !self.disabled {
            let mut keepalive = TcpKeepalive::new();
            if let Some(idle) = self.idle {
                keepalive = keepalive.with_time(idle);
            }
            if let Some(interval) = self.interval {
                keepalive = keepalive.with_interval(interval);
            }
            if let Some(count) = self.count {
                keepalive = keepalive.with_retries(count);
            }
            socket.set_tcp_keepalive(&keepalive)?;
        }
        #[cfg(target_os = "linux")]
        if self.user_timeout.is_some() {
            socket.set_tcp_user_timeout(self.user_timeout)?;
        }
        Ok(())
    }
}
