//! A socket → messages, and bytes back: one Postgres connection's buffers.
//!
//! Reading goes on while writing waits, since a server that cannot send its rows stops reading.

use std::future::{Future as _, poll_fn};
use std::io;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::{Buf as _, BytesMut};
use postgres_protocol::message::backend::{DATA_ROW_TAG, Message};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use super::error::{Error, SqlFailure};

/// TCP, a unix socket, or TLS over TCP.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static> Io for T {}

/// A read asks for this much room.
const READ_BYTES: usize = 64 * 1024;
/// An idle connection keeps no more buffer than this.
const BUFFER_KEPT_BYTES: usize = 1024 * 1024;
/// No message but a row is larger in the answers to what we send.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(super) struct Wire {
    stream: Box<dyn Io>,
    read: BytesMut,
    /// What is to be sent; messages are appended here.
    pub write: BytesMut,
    /// What is left of a row that nobody reads.
    skip: usize,
}

/// What came in.
pub(super) enum Incoming<'a> {
    /// The body of a DataRow.
    Row(&'a [u8]),
    /// A DataRow of this many bytes, larger than asked for; it is skipped.
    Oversized(u64),
    Message(Message),
}

impl Wire {
    pub fn new(stream: Box<dyn Io>) -> Wire {
        Wire { stream, read: BytesMut::new(), write: BytesMut::new(), skip: 0 }
    }

    /// Waits for the next message, hands it to `take`, and gives what that returns. Rows larger than
    /// `row_bytes_max` are not read into memory.
    ///
    /// Dropped while waiting, it has lost nothing.
    pub async fn receive<T>(
        &mut self,
        row_bytes_max: usize,
        take: impl FnOnce(Incoming<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let length = loop {
            if let Some(length) = self.complete(row_bytes_max)? {
                break length;
            }
            self.transfer().await?;
        };
        if self.read[0] != DATA_ROW_TAG {
            let message = Message::parse(&mut self.read)?;
            let message = message.ok_or_else(|| Error::Protocol("a message has no end".to_owned()))?;
            return take(Incoming::Message(message));
        }
        let here = length.min(self.read.len());
        let taken = if length - 1 > row_bytes_max.saturating_add(4) {
            self.skip = length - here;
            take(Incoming::Oversized(length as u64))
        } else {
            take(Incoming::Row(&self.read[5..length]))
        };
        self.read.advance(here);
        taken
    }

    /// Hands over the rows that are here already, until `take` breaks off: without waiting, and so
    /// without the cost of a wait for each. What is no row, or a row larger than `row_bytes_max`, is
    /// left to `receive`.
    pub fn rows(
        &mut self,
        row_bytes_max: usize,
        mut take: impl FnMut(&[u8]) -> Result<ControlFlow<()>, Error>,
    ) -> Result<ControlFlow<()>, Error> {
        if self.skip > 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let mut at = 0;
        let mut flow = Ok(ControlFlow::Continue(()));
        while let Ok(ControlFlow::Continue(())) = flow {
            let Some([DATA_ROW_TAG, length @ ..]) = self.read[at..].first_chunk::<5>() else { break };
            let length = u32::from_be_bytes(*length) as usize;
            if length < 4 || length > row_bytes_max.saturating_add(4) {
                break;
            }
            let Some(body) = self.read.get(at + 5..at + 1 + length) else { break };
            at += 1 + length;
            flow = take(body);
        }
        self.read.advance(at);
        flow
    }

    /// The length of the message at the front, once it can be taken.
    fn complete(&mut self, row_bytes_max: usize) -> Result<Option<usize>, Error> {
        let skipped = self.skip.min(self.read.len());
        self.read.advance(skipped);
        self.skip -= skipped;
        let Some((tag, rest)) = self.read.split_first() else { return Ok(None) };
        let Some((length, _)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        if length < 4 || (*tag != DATA_ROW_TAG && length > MESSAGE_BYTES_MAX) {
            return Err(Error::Protocol(format!("a message announces {length} bytes")));
        }
        let oversized = *tag == DATA_ROW_TAG && length > row_bytes_max.saturating_add(4);
        Ok((oversized || self.read.len() > length).then_some(length + 1))
    }

    /// Moves bytes both ways until some came in.
    async fn transfer(&mut self) -> Result<(), Error> {
        let count = poll_fn(|cx| {
            if let Poll::Ready(Err(error)) = self.poll_send(cx) {
                return Poll::Ready(Err(error));
            }
            self.poll_fill(cx)
        });
        match count.await? {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            _ => Ok(()),
        }
    }

    /// Writes what the socket takes without waiting.
    pub fn send_now(&mut self) {
        let _ = self.poll_send(&mut Context::from_waker(Waker::noop()));
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.write.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.write) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => self.write.advance(count),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.read.reserve(READ_BYTES);
        // One poll is one read: the future holds nothing that could be lost with it.
        pin!(self.stream.read_buf(&mut self.read)).poll(cx)
    }

    /// Whether an idle connection is still open: the server says nothing, or nothing that ends it.
    pub fn alive(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match self.poll_fill(&mut cx) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => return false,
                Poll::Ready(Ok(_)) => {}
            }
        }
        while let Ok(Some(_)) = self.complete(0) {
            match Message::parse(&mut self.read) {
                Ok(Some(Message::ParameterStatus(_) | Message::NoticeResponse(_))) => {}
                _ => return false,
            }
        }
        self.read.is_empty()
    }

    /// Gives back room that one large answer needed.
    pub fn shrink(&mut self) {
        if self.read.is_empty() && self.read.capacity() > BUFFER_KEPT_BYTES {
            self.read = BytesMut::new();
        }
        if self.write.is_empty() && self.write.capacity() > BUFFER_KEPT_BYTES {
            self.write = BytesMut::new();
        }
    }
}

/// What an ErrorResponse or NoticeResponse says.
pub(super) fn failure(mut fields: postgres_protocol::message::backend::ErrorFields<'_>) -> SqlFailure {
    use fallible_iterator::FallibleIterator as _;
    let mut failure = SqlFailure::default();
    while let Ok(Some(field)) = fields.next() {
        let text = String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'C' => failure.state = text,
            b'M' => failure.message = text,
            b'D' => failure.detail = Some(text),
            b's' => failure.schema = Some(text),
            b't' => failure.table = Some(text),
            b'c' => failure.column = Some(text),
            b'n' => failure.constraint = Some(text),
            b'R' => failure.routine = Some(text),
            _ => {}
        }
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt as _;

    /// Everything that comes out of these bytes, sent in pieces: tags, and lengths of rows.
    fn received(bytes: &[u8], piece: usize, row_bytes_max: usize) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut server, client) = tokio::io::duplex(piece);
            let mut wire = Wire::new(Box::new(client));
            let send = async move {
                // Nobody reads on behind bytes that are no message.
                let _ = server.write_all(bytes).await;
            };
            let receive = async move {
                let mut seen = Vec::new();
                loop {
                    let next = wire.receive(row_bytes_max, |incoming| {
                        Ok(match incoming {
                            Incoming::Row(body) => format!("row {}", body.len()),
                            Incoming::Oversized(bytes) => format!("oversized {bytes}"),
                            Incoming::Message(_) => "message".to_owned(),
                        })
                    });
                    match next.await {
                        Ok(what) => seen.push(what),
                        Err(_) => return seen,
                    }
                }
            };
            tokio::join!(send, receive).1
        })
    }

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        [&[tag], &(body.len() as u32 + 4).to_be_bytes()[..], body].concat()
    }

    proptest! {
        #[test]
        fn any_bytes_are_messages_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            received(&bytes, 7, 16);
            let tags = b"123ACDEGHIKNRSTVWZcdnstv";
            for tag in tags {
                received(&message(*tag, &bytes), 64, 1_024);
            }
        }

        #[test]
        fn rows_come_whole_or_are_skipped_whole(
            lengths in prop::collection::vec(0usize..200, 0..12), piece in 1usize..300, max in 0usize..200,
        ) {
            let mut bytes = Vec::new();
            for length in &lengths {
                bytes.extend(message(DATA_ROW_TAG, &vec![DATA_ROW_TAG; *length]));
                bytes.extend(message(b'Z', b"I"));
            }
            let expected: Vec<String> = lengths
                .iter()
                .flat_map(|length| {
                    let row = match *length {
                        small if small <= max => format!("row {small}"),
                        large => format!("oversized {}", large + 5),
                    };
                    [row, "message".to_owned()]
                })
                .collect();
            prop_assert_eq!(received(&bytes, piece, max), expected);
        }
    }
}
