//! Ready frames and trailers of our own → a response's body.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use http::HeaderMap;
use http_body::Frame;

/// A gRPC answer's frames. Dropping it drops the work behind it.
pub enum Body {
    /// Nothing: the headers said it all.
    Empty,
    /// One message, then trailers.
    Once { message: Option<Bytes>, trailers: Option<HeaderMap> },
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
        match self.get_mut() {
            Body::Empty => Poll::Ready(None),
            Body::Once { message, trailers } => {
                let frame = match message.take() {
                    Some(message) => Some(Frame::data(message)),
                    None => trailers.take().map(Frame::trailers),
                };
                Poll::Ready(frame.map(Ok))
            }
            Body::Stream(frames) => Pin::new(frames).poll_next(context).map(|frame| frame.map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Empty => true,
            Body::Once { message, trailers } => message.is_none() && trailers.is_none(),
            Body::Stream(_) => false,
        }
    }
}
