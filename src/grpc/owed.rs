//! An answer's body → the same, with a note of what of it is still to be written.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::Frame;

use super::body::Body;
use super::pulse::Pulse;

/// A call under way on a connection, until this is dropped.
pub struct Under(Arc<Pulse>);

impl Under {
    pub fn way(pulse: Arc<Pulse>) -> Self {
        pulse.calls.fetch_add(1, Relaxed);
        pulse.calls_begun.fetch_add(1, Relaxed);
        Under(pulse)
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Relaxed);
    }
}

/// A body whose bytes are counted from when they are made until they are written or given up.
pub struct Owed {
    body: Body,
    /// The message of a unary answer, counted before it is asked for.
    message: Option<Unwritten>,
    call: Under,
}

impl Owed {
    pub fn new(mut body: Body, call: Under) -> Self {
        let message = match &mut body {
            Body::Once { message, .. } => message.take(),
            Body::Empty | Body::Stream(_) => None,
        };
        let message = message.map(|bytes| Unwritten::new(bytes, Kind::Unary, &call.0));
        Owed { body, message, call }
    }
}

impl http_body::Body for Owed {
    type Data = Unwritten;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Unwritten>, Infallible>>> {
        let owed = self.get_mut();
        if let Some(message) = owed.message.take() {
            return Poll::Ready(Some(Ok(Frame::data(message))));
        }
        let frame = ready!(Pin::new(&mut owed.body).poll_frame(context));
        let counted = |bytes| Unwritten::new(bytes, Kind::Stream, &owed.call.0);
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(counted))))
    }

    fn is_end_stream(&self) -> bool {
        self.message.is_none() && self.body.is_end_stream()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unary,
    Stream,
}

/// Bytes that are on their way to the socket.
pub struct Unwritten {
    bytes: Bytes,
    kind: Kind,
    pulse: Arc<Pulse>,
}

impl Unwritten {
    fn new(bytes: Bytes, kind: Kind, pulse: &Arc<Pulse>) -> Self {
        pulse.owed.fetch_add(bytes.len(), Relaxed);
        if kind == Kind::Unary {
            pulse.owed_unary.fetch_add(bytes.len(), Relaxed);
        }
        Unwritten { bytes, kind, pulse: pulse.clone() }
    }

    fn settle(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.pulse.owed.fetch_sub(bytes, Relaxed);
        if self.kind == Kind::Unary {
            self.pulse.paid_unary(bytes);
        }
    }
}

impl Buf for Unwritten {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, bytes: usize) {
        self.bytes.advance(bytes);
        self.settle(bytes);
        self.pulse.paid.fetch_add(bytes as u64, Relaxed);
    }
}

impl Drop for Unwritten {
    fn drop(&mut self) {
        self.settle(self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    fn owed(pulse: &Pulse) -> (usize, usize, u64) {
        (pulse.owed.load(Relaxed), pulse.owed_unary.load(Relaxed), pulse.paid.load(Relaxed))
    }

    #[tokio::test]
    async fn a_unary_answer_is_owed_from_when_it_is_made() {
        let pulse = Arc::<Pulse>::default();
        let body = Body::Once { message: Some(Bytes::from_static(b"hello")), trailers: None };
        let mut body = Owed::new(body, Under::way(pulse.clone()));
        assert_eq!((owed(&pulse), pulse.calls.load(Relaxed)), ((5, 5, 0), 1));
        let mut data = body.frame().await.unwrap().unwrap().into_data().ok().unwrap();
        data.advance(2);
        assert_eq!(owed(&pulse), (3, 3, 2));
        drop(data);
        assert_eq!(owed(&pulse), (0, 0, 2));
        drop(body);
        assert_eq!(pulse.calls.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn a_streams_messages_are_owed_as_they_are_read_and_hold_back_no_call() {
        let pulse = Arc::<Pulse>::default();
        let frames = futures_util::stream::iter([Frame::data(Bytes::from_static(b"hello"))]);
        let mut body = Owed::new(Body::Stream(Box::pin(frames)), Under::way(pulse.clone()));
        assert_eq!(owed(&pulse), (0, 0, 0));
        let data = body.frame().await.unwrap().unwrap();
        assert_eq!(owed(&pulse), (5, 0, 0));
        drop(data);
        assert_eq!(owed(&pulse), (0, 0, 0));
    }

    #[test]
    fn an_answer_nobody_reads_is_owed_no_more() {
        let pulse = Arc::<Pulse>::default();
        let body = Body::Once { message: Some(Bytes::from_static(b"hello")), trailers: None };
        drop(Owed::new(body, Under::way(pulse.clone())));
        assert_eq!(owed(&pulse), (0, 0, 0));
    }
}
