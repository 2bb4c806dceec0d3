//! HTTP/2 by hand: frames no library would send, and what is said to them.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// What a server says that has had enough.
pub const ENHANCE_YOUR_CALM: u32 = 0xb;

/// So long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

pub fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// A header that no table keeps (RFC 7541, 6.2.2).
pub fn header(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        match text.len() {
            length @ ..127 => bytes.push(length as u8),
            mut length => {
                bytes.push(127);
                length -= 127;
                while length >= 128 {
                    bytes.push((length % 128) as u8 | 128);
                    length /= 128;
                }
                bytes.push(length as u8);
            }
        }
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// The headers of a gRPC call.
pub fn call(path: &str) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    fields.iter().flat_map(|(name, value)| header(name, value)).collect()
}

/// A message as gRPC frames it.
pub fn message(bytes: &[u8]) -> Vec<u8> {
    let mut message = vec![0];
    message.extend((bytes.len() as u32).to_be_bytes());
    message.extend(bytes);
    message
}

/// A whole call with a small request.
pub fn whole(path: &str, stream: u32, request: &[u8]) -> Vec<u8> {
    let headers = frame(HEADERS, END_HEADERS, stream, &call(path));
    [headers, frame(DATA, END_STREAM, stream, &message(request))].concat()
}

#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    /// The reason of a GOAWAY or of a RST_STREAM.
    pub fn reason(&self) -> u32 {
        self.number(if self.kind == GOAWAY { 4 } else { 0 })
    }
}

/// Our end of a connection.
pub struct Raw {
    pub reads: Reads,
    pub writes: OwnedWriteHalf,
}

pub struct Reads(OwnedReadHalf);

impl Raw {
    pub async fn connect(address: SocketAddr) -> Raw {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let (reads, writes) = socket.into_split();
        Raw { reads: Reads(reads), writes }
    }

    /// With the preface and settings that change nothing.
    pub async fn open(address: SocketAddr) -> Raw {
        Raw::open_with(address, &[]).await
    }

    pub async fn open_with(address: SocketAddr, settings: &[(u16, u32)]) -> Raw {
        let mut raw = Raw::connect(address).await;
        let settings: Vec<u8> = settings.iter().flat_map(|(id, value)| setting(*id, *value)).collect();
        assert!(raw.send(PREFACE).await && raw.send(&frame(SETTINGS, 0, 0, &settings)).await);
        raw
    }

    /// False when the other end is gone.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        timeout(PATIENCE, self.writes.write_all(bytes)).await.expect("somebody reads").is_ok()
    }

    /// Sends the same without end, or so often, and reads meanwhile; returns how the connection ended.
    pub async fn flood(self, bytes: Vec<u8>, times: usize) -> End {
        let Raw { mut reads, mut writes } = self;
        let flood = async {
            let mut sent = 0;
            while sent < times && writes.write_all(&bytes).await.is_ok() {
                sent += 1;
            }
            sent
        };
        let (sent, reason) = tokio::join!(timeout(PATIENCE, flood), reads.end());
        End { sent: sent.expect("somebody reads"), reason }
    }
}

#[derive(Debug)]
pub struct End {
    pub sent: usize,
    /// Of a GOAWAY; a closed socket can take it back.
    pub reason: Option<u32>,
}

impl Reads {
    /// None when the connection has ended.
    pub async fn frame(&mut self) -> Option<Frame> {
        timeout(PATIENCE, self.read()).await.expect("a frame, or the end")
    }

    async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let [high, middle, low, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, high, middle, low]) as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// The first of these, if it comes.
    pub async fn find(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.frame().await?;
            if wanted(&frame) {
                return Some(frame);
            }
        }
    }

    /// Waits for the end of the connection, and returns why the server ended it, when it said so.
    pub async fn end(&mut self) -> Option<u32> {
        let mut reason = None;
        while let Some(frame) = self.frame().await {
            if frame.kind == GOAWAY {
                reason = Some(frame.reason());
            }
        }
        reason
    }

    /// Everything there is to read, as it is.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let read = timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("the end");
        // A reset is an end too.
        read.ok();
        rest
    }
}
