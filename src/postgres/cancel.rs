//! A connection someone left in the middle of a query → a connection that can be used again.
//!
//! A cancel is over when the server has closed the cancel connection *and* the cancelled connection
//! has answered ReadyForQuery. Before both, the signal can still hit the connection's next query.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::connection::Connection;
use super::dial::Endpoint;
use super::error::Error;
use super::wire::Io;

/// A cancel that came between two statements is lost: after this long the next is sent.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// A host that has not closed a cancel connection by then is not there: what is under way on it is
/// given up rather than waited for.
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// Whom to tell, and how the server knows the connection.
#[derive(Clone)]
pub(super) struct CancelKey {
    pub endpoint: Arc<Endpoint>,
    pub process_id: i32,
    pub secret_key: i32,
}

/// Cancels what is under way and ends an open transaction. On an error, or dropped before its end,
/// the connection is of no more use, and is not settled.
pub(super) async fn settle(connection: &mut Connection, cancels: &Semaphore) -> Result<(), Error> {
    let key = connection.cancel.clone();
    while !connection.ready() {
        let opened = async {
            let permit = cancels.acquire().await.map_err(|_| Error::Busy)?;
            let opened = timeout(SILENCE_MAX, key.endpoint.open()).await.map_err(|_| silent())??;
            Ok::<_, Error>((permit, opened.stream))
        };
        tokio::select! {
            biased;
            drained = connection.drain() => drained?,
            opened = opened => {
                let (_permit, stream) = opened?;
                // From here the signal may be on its way: both ends are waited for.
                connection.cancelling = true;
                let drained = async { timeout(AGAIN_AFTER, connection.drain()).await.unwrap_or(Ok(())) };
                let (closed, drained) = tokio::join!(timeout(SILENCE_MAX, key.send(stream)), drained);
                closed.map_err(|_| silent())??;
                drained?;
                connection.cancelling = false;
            }
        }
    }
    connection.roll_back().await
}

fn silent() -> Error {
    Error::Unreachable("the server does not take a cancel".to_owned())
}

impl CancelKey {
    /// Sends the request and reads until the server has closed the connection.
    async fn send(&self, mut stream: Box<dyn Io>) -> Result<(), Error> {
        let mut request = BytesMut::new();
        frontend::cancel_request(self.process_id, self.secret_key, &mut request);
        stream.write_all(&request).await?;
        stream.flush().await?;
        let mut rest = [0; 64];
        // However it is closed, an abrupt end included, the postmaster's child is done.
        while !matches!(stream.read(&mut rest).await, Ok(0) | Err(_)) {}
        Ok(())
    }
}
