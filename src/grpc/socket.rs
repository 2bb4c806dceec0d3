//! An open connection → the same, watched: frames are counted, floods end it, answers go out together.
//!
//! A connection is woken by the first of several answers that become ready at once, as those of a
//! joined statement do; with a write for each, the kernel would take longer over them than all of
//! Rowcall. So what is to be written waits for one turn of the scheduler, in which the other answers
//! join it. When nothing else is to be done, that turn comes at once.
//!
//! A flood is frames that cost their sender nothing and say nothing of a call, or calls that are
//! left as soon as they are begun. It is answered as gRPC servers do: GOAWAY with ENHANCE_YOUR_CALM.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::allowance::Allowance;
use super::frames::{Frame, Frames};
use super::linger::Lingering;
use super::preface::PREFACE;
use super::pulse::Pulse;
use super::settings::Settings;

/// A call may be accompanied by so many frames about windows and pings …
const FRAMES_PER_CALL: u64 = 4;
/// … and so many bytes of answers by one: callers' libraries acknowledge 16 KiB or more at once.
const BYTES_PER_FRAME: u64 = 4 * 1024;

const CALM_TEXT: &[u8] = b"too_many_pings";

/// The connection after its preface.
pub struct Socket<I: AsyncRead + AsyncWrite + Send + Unpin + 'static> {
    io: Lingering<I>,
    pulse: Arc<Pulse>,
    /// Of the preface, which was read already.
    replayed: usize,
    frames: Frames,
    control: Allowance,
    resets: Allowance,
    /// Frames with parts of calls, and bytes written, since the allowance was last used up.
    calls: u64,
    written: u64,
    /// All that was to be written is: a frame of ours can follow.
    flushed: bool,
    /// What is written now has waited for a turn.
    gathered: bool,
}

impl<I: AsyncRead + AsyncWrite + Send + Unpin + 'static> Socket<I> {
    pub fn new(io: I, pulse: Arc<Pulse>, settings: &Settings) -> Self {
        let now = Instant::now();
        Socket {
            io: Lingering::new(io),
            pulse,
            replayed: 0,
            frames: Frames::default(),
            control: Allowance::new(settings.control_frames_per_second, now),
            resets: Allowance::new(settings.resets_per_second, now),
            calls: 0,
            written: 0,
            flushed: true,
            gathered: false,
        }
    }

    /// False when there are too many of them.
    fn count(&mut self, bytes: &[u8]) -> bool {
        let Socket { frames, control, resets, calls, written, .. } = self;
        let mut calm = true;
        frames.read(bytes, |frame| match frame {
            Frame::Call => *calls += 1,
            Frame::Reset => calm &= resets.take(|| 0),
            Frame::Control => {
                calm &= control.take(|| {
                    let (calls, written) = (std::mem::take(calls), std::mem::take(written));
                    calls * FRAMES_PER_CALL + written / BYTES_PER_FRAME
                });
            }
        });
        self.pulse.frames.store(self.frames.ended, Relaxed);
        self.pulse.frame_open.store(self.frames.open(), Relaxed);
        calm
    }

    /// Once before each flush: whoever else has something to write comes first.
    fn gather(&mut self, context: &Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.gathered, true) {
            return Poll::Ready(());
        }
        // A task that wakes itself goes to the end of the queue.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn wrote(&mut self, taken: &Poll<io::Result<usize>>) {
        self.flushed = false;
        self.pulse.write_blocked.store(taken.is_pending(), Relaxed);
        if let Poll::Ready(Ok(bytes)) = taken {
            self.written += *bytes as u64;
            self.pulse.written.fetch_add(*bytes as u64, Relaxed);
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Send + Unpin + 'static> AsyncRead for Socket<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        if socket.replayed < PREFACE.len() {
            let bytes = (PREFACE.len() - socket.replayed).min(buffer.remaining());
            buffer.put_slice(&PREFACE[socket.replayed..socket.replayed + bytes]);
            socket.replayed += bytes;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(socket.io.get()).poll_read(context, buffer))?;
        if socket.count(&buffer.filled()[before..]) {
            return Poll::Ready(Ok(()));
        }
        buffer.set_filled(before);
        if socket.flushed {
            // As far as the socket takes it: nobody waits for a flood's sender.
            let _ = Pin::new(socket.io.get()).poll_write(context, &calm());
            let _ = Pin::new(socket.io.get()).poll_flush(context);
        }
        Poll::Ready(Err(io::Error::other("a flood of frames that are no calls")))
    }
}

impl<I: AsyncRead + AsyncWrite + Send + Unpin + 'static> AsyncWrite for Socket<I> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        ready!(socket.gather(context));
        let taken = Pin::new(socket.io.get()).poll_write(context, bytes);
        socket.wrote(&taken);
        taken
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        ready!(socket.gather(context));
        let taken = Pin::new(socket.io.get()).poll_write_vectored(context, pieces);
        socket.wrote(&taken);
        taken
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// Asked for when whole frames were written, and only then.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        let flushed = Pin::new(socket.io.get()).poll_flush(context);
        socket.flushed = matches!(flushed, Poll::Ready(Ok(())));
        socket.gathered &= !socket.flushed;
        socket.pulse.write_blocked.store(flushed.is_pending(), Relaxed);
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().io.get()).poll_shutdown(context)
    }
}

/// GOAWAY for ENHANCE_YOUR_CALM, with the word that callers' libraries look for.
fn calm() -> Vec<u8> {
    let mut frame = vec![0, 0, 8 + CALM_TEXT.len() as u8, 0x7, 0, 0, 0, 0, 0];
    // Any call may have been answered: none is safe to be made again unseen.
    frame.extend((u32::MAX >> 1).to_be_bytes());
    frame.extend(0xbu32.to_be_bytes());
    frame.extend(CALM_TEXT);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::poll;
    use std::pin::pin;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const HEADERS: [u8; 9] = [0, 0, 0, 1, 4, 0, 0, 0, 1];
    const RESET: [u8; 13] = [0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8];
    const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// What the connection ends with, and what the caller is told.
    async fn sent(frames: &[&[u8]]) -> (io::Result<()>, Vec<u8>) {
        let settings = Settings { control_frames_per_second: 1, resets_per_second: 1, ..Settings::default() };
        let (mut caller, ours) = tokio::io::duplex(1 << 20);
        let mut socket = Socket::new(ours, Arc::default(), &settings);
        caller.write_all(&frames.concat()).await.unwrap();
        caller.shutdown().await.unwrap();
        let mut read = Vec::new();
        let end = socket.read_to_end(&mut read).await.map(|_| ());
        assert!(read.starts_with(PREFACE));
        drop(socket);
        let mut told = Vec::new();
        caller.read_to_end(&mut told).await.unwrap();
        (end, told)
    }

    #[tokio::test]
    async fn what_is_written_waits_for_one_turn_before_each_flush() {
        let (mut caller, ours) = tokio::io::duplex(1 << 20);
        let mut socket = Socket::new(ours, Arc::default(), &Settings::default());
        for _ in 0..2 {
            assert!(poll!(pin!(socket.write(b"one"))).is_pending());
            for piece in [b"two", b"six"] {
                assert!(poll!(pin!(socket.write(piece))).is_ready(), "it has waited");
            }
            socket.flush().await.unwrap();
            let mut read = [0; 6];
            caller.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, b"twosix");
        }
        // Who waits is woken, or this would never end.
        socket.write_all(b"one").await.unwrap();
    }

    #[tokio::test]
    async fn too_many_control_frames_are_told_to_calm_down() {
        assert!(sent(&[&PING[..]; 10]).await.0.is_ok());
        let (end, told) = sent(&[&PING[..]; 12]).await;
        assert!(end.is_err());
        assert_eq!(told[3], 0x7);
        assert_eq!(told[9..17], [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0xb]);
        assert!(told.ends_with(b"too_many_pings"));
    }

    #[tokio::test]
    async fn calls_earn_control_frames_and_no_resets() {
        assert!(sent(&[[&HEADERS[..]; 10].concat().as_slice(), &PING.repeat(40)]).await.0.is_ok());
        let left = [&HEADERS[..], &RESET].concat();
        assert!(sent(&[&left[..]; 10]).await.0.is_ok());
        assert!(sent(&[&left[..]; 12]).await.0.is_err());
    }
}
