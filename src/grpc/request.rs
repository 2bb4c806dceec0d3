//! A request's body → the bytes of its messages.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_util::poll;
use http::HeaderMap;
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
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
    source: Source,
    bytes_max: usize,
    request_max: Duration,
    /// Bytes of the body so far. None: it was whole when it was looked at.
    came: Option<Arc<AtomicUsize>>,
}

/// How large a request is, as it came; for after it was read.
pub struct Came {
    bytes: Option<Arc<AtomicUsize>>,
    whole: usize,
}

impl Came {
    pub fn bytes(&self) -> usize {
        let frames = self.bytes.as_ref().map(|bytes| bytes.load(Relaxed).saturating_sub(FRAME_HEAD));
        frames.unwrap_or(self.whole)
    }
}

/// Flags and length, in front of a message.
pub const FRAME_HEAD: usize = 5;

enum Source {
    /// One plain message that came as one frame, until it is taken.
    Whole(Option<Bytes>),
    Frames(Streaming<Bytes>),
}

impl Messages {
    pub fn of<B>(headers: &HeaderMap, body: B, settings: &Settings) -> Result<Messages, Unreadable>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Settings { message_bytes_max: bytes_max, request_max, .. } = *settings;
        let messages = Streaming::new_request(Raw, body, encoding(headers)?, Some(bytes_max));
        Ok(Messages { source: Source::Frames(messages), bytes_max, request_max, came: None })
    }

    /// The same of a request that is mostly short and here already, as a call's is: then it costs a
    /// third. Does not wait for what is not.
    pub async fn here<B>(
        headers: &HeaderMap,
        mut body: B,
        settings: &Settings,
    ) -> Result<Messages, Unreadable>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    {
        let Settings { message_bytes_max: bytes_max, request_max, .. } = *settings;
        let first = match poll!(body.frame()) {
            Poll::Ready(Some(first)) => Some(first),
            Poll::Ready(None) | Poll::Pending => None,
        };
        let data = first.as_ref().and_then(|first| first.as_ref().ok()?.data_ref());
        if let Some(message) = data.filter(|_| body.is_end_stream()).and_then(|data| whole(data, bytes_max)) {
            encoding(headers)?;
            return Ok(Messages { source: Source::Whole(Some(message)), bytes_max, request_max, came: None });
        }
        let came = Arc::<AtomicUsize>::default();
        let begun = Begun { first, rest: body, came: came.clone() };
        Ok(Messages { came: Some(came), ..Messages::of(headers, begun, settings)? })
    }

    pub fn came(&self) -> Came {
        let whole = match &self.source {
            Source::Whole(message) => message.as_ref().map_or(0, Bytes::len),
            Source::Frames(_) => 0,
        };
        Came { bytes: self.came.clone(), whole }
    }

    pub async fn next(&mut self) -> Result<Option<Bytes>, Unreadable> {
        let messages = match &mut self.source {
            Source::Whole(message) => return Ok(message.take()),
            Source::Frames(messages) => messages,
        };
        messages.message().await.map_err(|status| match status.code() {
            // What tonic's decoder says of a length over the limit, before and after decompression.
            Code::OutOfRange | Code::ResourceExhausted => Unreadable::TooLarge { bytes_max: self.bytes_max },
            _ => Unreadable::Malformed,
        })
    }

    /// The one message of a call that has one.
    pub async fn only(mut self) -> Result<Bytes, Unreadable> {
        if let Source::Whole(message) = &mut self.source {
            return message.take().ok_or(Unreadable::NoMessage);
        }
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

/// The message of a body that is one uncompressed message and nothing else.
fn whole(body: &Bytes, bytes_max: usize) -> Option<Bytes> {
    let [0, length @ ..] = body.first_chunk::<5>()? else { return None };
    let length = u32::from_be_bytes(*length) as usize;
    (length <= bytes_max && body.len() - 5 == length).then(|| body.slice(5..))
}

/// A body whose first frame was looked at.
struct Begun<B: Body> {
    first: Option<Result<Frame<B::Data>, B::Error>>,
    rest: B,
    came: Arc<AtomicUsize>,
}

// Nothing is pinned in place: the body itself moves.
impl<B: Body> Unpin for Begun<B> {}

impl<B: Body + Unpin> Body for Begun<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let begun = self.get_mut();
        let frame = match begun.first.take() {
            Some(first) => Some(first),
            None => ready!(Pin::new(&mut begun.rest).poll_frame(context)),
        };
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            begun.came.fetch_add(data.remaining(), Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
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
    use std::convert::Infallible;

    use futures_util::StreamExt as _;
    use http_body_util::{Full, StreamBody};

    const BYTES_MAX: usize = 64;

    async fn only(headers: &[(&'static str, &'static str)], body: &[u8]) -> Result<Bytes, Unreadable> {
        let mut map = HeaderMap::new();
        for (key, value) in headers {
            map.insert(*key, value.parse().unwrap());
        }
        let settings = Settings { message_bytes_max: BYTES_MAX, ..Settings::default() };
        let full = || Full::new(Bytes::copy_from_slice(body));
        let read = read(Messages::of(&map, full(), &settings)).await;
        // However much of it is here, and in whatever frames, it says the same.
        assert_eq!(self::read(Messages::here(&map, full(), &settings).await).await, read);
        let pieces = |at| {
            let pieces = [&body[..at], &body[at..]].map(|piece| Frame::data(Bytes::copy_from_slice(piece)));
            futures_util::stream::iter(pieces.map(Ok::<_, Infallible>))
        };
        let late = || futures_util::stream::once(tokio::task::yield_now()).filter_map(async |()| None);
        for at in 0..=body.len() {
            for pieces in [pieces(at).boxed(), late().chain(pieces(at)).boxed()] {
                let messages = Messages::here(&map, StreamBody::new(pieces), &settings).await;
                assert_eq!(self::read(messages).await, read, "{at}");
            }
        }
        read
    }

    async fn read(messages: Result<Messages, Unreadable>) -> Result<Bytes, Unreadable> {
        messages?.only().await
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
