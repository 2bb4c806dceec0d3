//! Ready frames and trailers of our own → a response's body.
//!
//! A large message is handed out in pieces, since hyper keeps whatever it was given: so what waits for
//! a slow caller waits here, where it can be let go.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use http::HeaderMap;
use http_body::Frame;
use tokio::sync::OwnedSemaphorePermit;

use super::reader;

/// Of a message, at once: a page of a thousand ordinary rows is one piece.
const PIECE_BYTES: usize = 256 * 1024;

/// A gRPC answer's frames. Dropping it drops the work behind it.
pub enum Body {
    /// Nothing: the headers said it all.
    Empty,
    /// One message, then trailers.
    Once {
        message: Option<Bytes>,
        trailers: Option<HeaderMap>,
        /// Given back with the body.
        _permit: Option<OwnedSemaphorePermit>,
    },
    /// Messages, then trailers.
    Stream(BoxStream<'static, Frame<Bytes>>),
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match self.get_mut() {
            Body::Empty => Poll::Ready(None),
            Body::Once { message, trailers, .. } => Poll::Ready(match message {
                Some(left) => {
                    let piece = piece(left);
                    if left.is_empty() {
                        *message = None;
                    }
                    Some(Frame::data(piece))
                }
                None => trailers.take().map(Frame::trailers),
            }),
            Body::Stream(frames) => Pin::new(frames).poll_next(context),
        };
        match frame {
            Poll::Pending => reader::waits_for_us(),
            Poll::Ready(_) => reader::waits_for_reader(),
        }
        frame.map(|frame| frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Empty => true,
            Body::Once { message, trailers, .. } => message.is_none() && trailers.is_none(),
            Body::Stream(_) => false,
        }
    }
}

/// The next piece of a message, taken off its front.
pub fn piece(message: &mut Bytes) -> Bytes {
    message.split_to(message.len().min(PIECE_BYTES))
}
