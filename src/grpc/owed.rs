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
    /// Of the message of a unary answer, which is counted before it is asked for.
    counted: usize,
    call: Under,
}

impl Owed {
    pub fn new(body: Body, call: Under) -> Self {
        let counted = match &body {
            Body::Once { message: Some(message), .. } => message.len(),
            _ => 0,
        };
        Kind::Unary.owe(counted, &call.0);
        Owed { body, counted, call }
    }

    fn unwritten(&mut self, bytes: Bytes) -> Unwritten {
        let pulse = self.call.0.clone();
        match self.counted.checked_sub(bytes.len()) {
            Some(left) => {
                self.counted = left;
                Unwritten { bytes, kind: Kind::Unary, pulse }
            }
            None => {
                Kind::Stream.owe(bytes.len(), &pulse);
                Unwritten { bytes, kind: Kind::Stream, pulse }
            }
        }
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        Kind::Unary.settle(self.counted, &self.call.0);
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
        let frame = ready!(Pin::new(&mut owed.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|bytes| owed.unwritten(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unary,
    Stream,
}

impl Kind {
    fn owe(self, bytes: usize, pulse: &Pulse) {
        if bytes == 0 {
            return;
        }
        pulse.owed.fetch_add(bytes, Relaxed);
        if self == Kind::Unary {
            pulse.owed_unary.fetch_add(bytes, Relaxed);
        }
    }

    fn settle(self, bytes: usize, pulse: &Pulse) {
        if bytes == 0 {
            return;
        }
        pulse.owed.fetch_sub(bytes, Relaxed);
        if self == Kind::Unary {
            pulse.paid_unary(bytes);
        }
    }
}

/// Bytes that are on their way to the socket.
pub struct Unwritten {
    bytes: Bytes,
    kind: Kind,
    pulse: Arc<Pulse>,
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
        self.kind.settle(bytes, &self.pulse);
        self.pulse.paid.fetch_add(bytes as u64, Relaxed);
    }
}

impl Drop for Unwritten {
    fn drop(&mut self) {
        self.kind.settle(self.bytes.len(), &self.pulse);
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
        let body = Body::Once { message: Some(Bytes::from_static(b"hello")), trailers: None, _permit: None };
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
        let body = Body::Once { message: Some(Bytes::from_static(b"hello")), trailers: None, _permit: None };
        drop(Owed::new(body, Under::way(pulse.clone())));
        assert_eq!(owed(&pulse), (0, 0, 0));
    }
}
