//! Where a server is, for who is told of it: no secret, and the words of the conventions.

use std::fmt;
use std::sync::Arc;

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// `server.address`: a name, an IP address, or the folder of a unix socket.
    pub address: Arc<str>,
    /// `server.port`.
    pub port: u16,
    /// `db.namespace`.
    pub database: Arc<str>,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.address, self.port)
    }
}

/// The hosts of a URL: the server is at one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peers {
    text: Box<str>,
    address: Box<str>,
    port: Box<str>,
}

impl Peers {
    /// `server.address`: several with commas between them, as libpq has them.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `server.port`: the one they share, else as many as there are hosts.
    pub fn port(&self) -> &str {
        &self.port
    }
}

impl FromIterator<Peer> for Peers {
    fn from_iter<T: IntoIterator<Item = Peer>>(peers: T) -> Self {
        let peers: Vec<Peer> = peers.into_iter().collect();
        let listed = |of: fn(&Peer) -> String| peers.iter().map(of).collect::<Vec<_>>().join(",").into();
        let port = match peers.as_slice() {
            [first, others @ ..] if others.iter().all(|peer| peer.port == first.port) => {
                first.port.to_string().into()
            }
            _ => listed(|peer| peer.port.to_string()),
        };
        Peers { text: listed(Peer::to_string), address: listed(|peer| peer.address.to_string()), port }
    }
}

impl fmt::Display for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(peers: &[(&str, u16)]) -> [String; 3] {
        let peer =
            |&(address, port): &(&str, u16)| Peer { address: address.into(), port, database: "d".into() };
        let peers: Peers = peers.iter().map(peer).collect();
        [peers.to_string(), peers.address().to_owned(), peers.port().to_owned()]
    }

    #[test]
    fn hosts_are_told_as_libpq_has_them() {
        assert_eq!(told(&[("h", 5432)]), ["h:5432", "h", "5432"]);
        assert_eq!(told(&[("a", 5432), ("/run", 5432)]), ["a:5432,/run:5432", "a,/run", "5432"]);
        assert_eq!(told(&[("a", 1), ("b", 2)]), ["a:1,b:2", "a,b", "1,2"]);
    }
}
