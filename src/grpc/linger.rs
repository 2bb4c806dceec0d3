//! A connection that ends → one that its caller has heard the end of.
//!
//! A socket that is closed with bytes unread is reset, and what was written last may never be read:
//! a caller that was about to send would meet a broken pipe in place of the GOAWAY that tells it which
//! calls to send again. So our side is shut first, and what still comes is read and forgotten.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy, sink};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// A caller that does not close by then is not waited for.
const LINGER_MAX: Duration = Duration::from_secs(1);
/// What was on its way when we ended; who sends more than that has not listened.
const UNREAD_BYTES_MAX: u64 = 256 * 1024;

/// Lingers when it is dropped.
pub struct Lingering<I: AsyncRead + AsyncWrite + Send + Unpin + 'static> {
    /// None only while dropping.
    io: Option<I>,
}

impl<I: AsyncRead + AsyncWrite + Send + Unpin + 'static> Lingering<I> {
    pub fn new(io: I) -> Self {
        Lingering { io: Some(io) }
    }

    pub fn get(&mut self) -> &mut I {
        self.io.as_mut().expect("only drop takes it, and nobody asks after that")
    }

    pub fn is_write_vectored(&self) -> bool {
        self.io.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }
}

impl<I: AsyncRead + AsyncWrite + Send + Unpin + 'static> Drop for Lingering<I> {
    fn drop(&mut self) {
        // Without a runtime there is nobody to read: the socket is closed as it is.
        if let (Some(io), Ok(runtime)) = (self.io.take(), Handle::try_current()) {
            runtime.spawn(timeout(LINGER_MAX, end(io)));
        }
    }
}

/// Shuts our side, and reads on until the caller has closed its own.
pub async fn end(mut io: impl AsyncRead + AsyncWrite + Unpin) {
    // A caller that is gone already has nothing more to hear.
    if io.shutdown().await.is_err() {
        return;
    }
    // However it ends, all that could be done is done.
    let _ = copy(&mut io.take(UNREAD_BYTES_MAX), &mut sink()).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn who_was_about_to_send_still_hears_what_was_said_last() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut caller = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut ours, _) = listener.accept().await.unwrap();
        let some = vec![7; 40_000];
        caller.write_all(&some).await.unwrap();
        ours.readable().await.unwrap();
        ours.write_all(b"goaway").await.unwrap();
        drop(Lingering::new(ours));
        caller.write_all(&some).await.unwrap();
        let mut heard = Vec::new();
        caller.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"goaway");
        // It is still read from.
        caller.write_all(&some).await.unwrap();
    }
}
