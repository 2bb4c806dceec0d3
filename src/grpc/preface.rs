//! The first bytes of a connection → HTTP/2, or the connection's end.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::linger;

/// What every HTTP/2 connection begins with (RFC 9113, 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How a request of HTTP/1.1 begins.
const VERBS: [&[u8]; 8] =
    [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"DELETE ", b"PATCH ", b"CONNECT "];

const WRONG_VERSION: &str = "HTTP/1.1 505 HTTP Version Not Supported\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 64\r\nconnection: close\r\n\r\n\
    This is gRPC, over HTTP/2 only; use a gRPC client, like grpcurl\n";

/// How a connection began.
#[derive(Debug, PartialEq, Eq)]
pub enum Began {
    Http2,
    /// It was told that this is gRPC.
    Http1,
    /// TLS, where none is spoken.
    Tls,
    /// Bytes that are nothing we know, or none.
    Garbage,
}

/// Takes the preface off; what follows it is left.
pub async fn read(io: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<Began> {
    let mut read = [0; PREFACE.len()];
    let mut have = 0;
    while have < read.len() {
        match io.read(&mut read[have..]).await? {
            0 => return Ok(Began::Garbage),
            more => have += more,
        }
        let bytes = &read[..have];
        if PREFACE.starts_with(bytes) {
            continue;
        }
        if VERBS.iter().any(|verb| bytes.starts_with(verb)) {
            refuse(io).await?;
            return Ok(Began::Http1);
        }
        if VERBS.iter().any(|verb| verb.starts_with(bytes)) {
            continue;
        }
        // A handshake record of any version of TLS.
        return Ok(if bytes.starts_with(&[0x16, 0x03]) { Began::Tls } else { Began::Garbage });
    }
    Ok(Began::Http2)
}

async fn refuse(io: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    io.write_all(WRONG_VERSION.as_bytes()).await?;
    linger::end(io).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn began(pieces: &[&[u8]]) -> (Began, String) {
        let (mut caller, mut ours) = tokio::io::duplex(1024);
        let read = async {
            let began = read(&mut ours).await.unwrap();
            drop(ours);
            began
        };
        let written = async {
            for piece in pieces {
                // The other end may have heard enough.
                let _ = caller.write_all(piece).await;
                tokio::task::yield_now().await;
            }
            let _ = caller.shutdown().await;
            let mut answer = String::new();
            caller.read_to_string(&mut answer).await.unwrap();
            answer
        };
        tokio::join!(read, written)
    }

    #[tokio::test]
    async fn the_whole_preface_is_http_2() {
        assert_eq!(began(&[PREFACE]).await.0, Began::Http2);
        let bytes = PREFACE.chunks(1).collect::<Vec<_>>();
        assert_eq!(began(&bytes).await.0, Began::Http2);
    }

    #[tokio::test]
    async fn http_1_is_told_what_this_is() {
        let get: &[&[u8]] = &[b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"];
        for pieces in [get, &[b"P", b"O", b"ST / HTTP/1.1\r\n\r\n"]] {
            let (began, answer) = began(pieces).await;
            assert_eq!(began, Began::Http1);
            let (head, text) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 505 "), "{head}");
            assert!(head.contains(&format!("content-length: {}\r\n", text.len())), "{head}");
            assert!(text.contains("gRPC, over HTTP/2 only"), "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_neither_ends_at_its_first_wrong_byte() {
        for bytes in [&b"\0"[..], b"PRx", b"hello", b" / HTTP/1.1", b"GETS /", b"INVALID PREFACE", b""] {
            assert_eq!(began(&[bytes]).await, (Began::Garbage, String::new()), "{bytes:?}");
        }
        assert_eq!(began(&[b"\x16\x03\x01\x02\x00\x01\x00"]).await.0, Began::Tls);
    }
}
