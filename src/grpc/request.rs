//! A request's body → the bytes of its messages.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_util::poll;
use http::HeaderMap;
use tokio::time::timeout;
use tonic::codec::{CompressionEncoding, DecodeBuf, Decoder, Streaming};
use tonic::{Code, Status};

use super::compression;
use super::settings::Settings;

/// Why a request cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    NoMessage,
    SeveralMessages,
    TooLarge {
        bytes_max: usize,
    },
    /// `grpc-encoding` names what we do not have.
    Encoding(String),
    /// Frames that are not gRPC's, or bytes that do not decompress.
    Malformed,
    /// It did not end within this time.
    Slow {
        request_max: Duration,
    },
}

/// Messages as they come, decompressed.
pub struct Messages {
    messages: Streaming<Bytes>,
    bytes_max: usize,
    request_max: Duration,
}

impl Messages {
    pub fn of<B>(headers: &HeaderMap, body: B, settings: &Settings) -> Result<Messages, Unreadable>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Settings { message_bytes_max: bytes_max, request_max, .. } = *settings;
        let messages = Streaming::new_request(Raw, body, encoding(headers)?, Some(bytes_max));
        Ok(Messages { messages, bytes_max, request_max })
    }

    pub async fn next(&mut self) -> Result<Option<Bytes>, Unreadable> {
        self.messages.message().await.map_err(|status| match status.code() {
            // What tonic's decoder says of a length over the limit, before and after decompression.
            Code::OutOfRange | Code::ResourceExhausted => Unreadable::TooLarge { bytes_max: self.bytes_max },
            _ => Unreadable::Malformed,
        })
    }

    /// The one message of a call that has one.
    pub async fn only(self) -> Result<Bytes, Unreadable> {
        let request_max = self.request_max;
        let mut single = pin!(self.single());
        // It mostly is all there, and then no clock is asked.
        if let Poll::Ready(request) = poll!(single.as_mut()) {
            return request;
        }
        timeout(request_max, single).await.unwrap_or(Err(Unreadable::Slow { request_max }))
    }

    async fn single(mut self) -> Result<Bytes, Unreadable> {
        let message = self.next().await?.ok_or(Unreadable::NoMessage)?;
        match self.next().await? {
            None => Ok(message),
            Some(_) => Err(Unreadable::SeveralMessages),
        }
    }
}

fn encoding(headers: &HeaderMap) -> Result<Option<CompressionEncoding>, Unreadable> {
    match headers.get(compression::ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"identity") => Ok(None),
        Some(b"gzip") => Ok(Some(CompressionEncoding::Gzip)),
        Some(b"zstd") => Ok(Some(CompressionEncoding::Zstd)),
        Some(other) => Err(Unreadable::Encoding(String::from_utf8_lossy(other).into_owned())),
    }
}

/// Leaves a message as it is.
struct Raw;

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(message.copy_to_bytes(message.remaining())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    const BYTES_MAX: usize = 64;

    async fn only(headers: &[(&'static str, &'static str)], body: &[u8]) -> Result<Bytes, Unreadable> {
        let mut map = HeaderMap::new();
        for (key, value) in headers {
            map.insert(*key, value.parse().unwrap());
        }
        let body = Full::new(Bytes::copy_from_slice(body));
        let settings = Settings { message_bytes_max: BYTES_MAX, ..Settings::default() };
        Messages::of(&map, body, &settings)?.only().await
    }

    #[tokio::test]
    async fn one_message_is_one_message() {
        assert_eq!(only(&[], b"\0\0\0\0\x02hi").await.unwrap(), "hi");
        assert_eq!(only(&[], b"\0\0\0\0\0").await.unwrap(), "");
        assert_eq!(only(&[], b"").await, Err(Unreadable::NoMessage));
        assert_eq!(only(&[], b"\0\0\0\0\0\0\0\0\0\0").await, Err(Unreadable::SeveralMessages));
    }

    #[tokio::test]
    async fn what_is_no_frame_is_malformed() {
        for body in [&b"\0\0\0\0\x05hi"[..], b"\0\0", b"\x07\0\0\0\0", b"\x01\0\0\0\x02hi"] {
            assert_eq!(only(&[], body).await, Err(Unreadable::Malformed), "{body:?}");
        }
        assert_eq!(only(&[("grpc-encoding", "gzip")], b"\x01\0\0\0\x02hi").await, Err(Unreadable::Malformed));
    }

    #[tokio::test]
    async fn the_limit_holds_before_and_after_decompression() {
        assert_eq!(only(&[], b"\0\0\0\0\x41").await, Err(Unreadable::TooLarge { bytes_max: BYTES_MAX }));
        let packed = zstd::encode_all(&[0; 4096][..], 1).unwrap();
        let mut frame = vec![1, 0, 0, 0, packed.len() as u8];
        frame.extend(packed);
        assert_eq!(
            only(&[("grpc-encoding", "zstd")], &frame).await,
            Err(Unreadable::TooLarge { bytes_max: BYTES_MAX })
        );
    }

    #[tokio::test]
    async fn an_unknown_encoding_is_named() {
        assert_eq!(
            only(&[("grpc-encoding", "snappy")], b"\0\0\0\0\0").await,
            Err(Unreadable::Encoding("snappy".to_owned()))
        );
    }
}
