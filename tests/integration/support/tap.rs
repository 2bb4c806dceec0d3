//! A wire between a server and Postgres that counts what goes over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::{Database, cluster};

/// Codes that stand in a startup message's place: no TLS, no GSS; the startup comes after them.
const ENCRYPTION_ASKED: [i32; 2] = [80_877_103, 80_877_104];

/// How the connection names itself that asks for changes, which no call waits for.
const FEED: &[u8] = b"rowcall feed";

const TRANSACTIONAL: [&[u8]; 4] = [b"BEGIN", b"LOCK TABLE", b"COMMIT", b"ROLLBACK"];

pub struct Tap {
    port: u16,
    statements: Arc<AtomicUsize>,
}

impl Tap {
    pub async fn start() -> Tap {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let statements = Arc::new(AtomicUsize::new(0));
        let counted = statements.clone();
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", cluster().port)).await.expect("Postgres runs");
                let (asks, mut hears) = caller.into_split();
                let (mut answers, told) = server.into_split();
                tokio::spawn(async move { copy(&mut answers, &mut hears).await });
                tokio::spawn(forward(asks, told, counted.clone()));
            }
        });
        Tap { port, statements }
    }

    pub fn url(&self, database: &Database) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{}", self.port, database.name)
    }

    /// Statements of calls that were executed since this was asked last; BEGIN, LOCK and COMMIT are none of
    /// them.
    pub fn taken(&self) -> usize {
        self.statements.swap(0, Ordering::SeqCst)
    }
}

/// Message by message: a type, from the startup on, a length, the rest.
async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    statements: Arc<AtomicUsize>,
) -> std::io::Result<()> {
    let (mut started, mut calls, mut transactional) = (false, true, false);
    loop {
        let mut message = Vec::new();
        if started {
            message.push(from.read_u8().await?);
        }
        let length = from.read_i32().await?;
        message.extend(length.to_be_bytes());
        let body = message.len();
        message.resize(body + length as usize - 4, 0);
        from.read_exact(&mut message[body..]).await?;
        if !started {
            let code = i32::from_be_bytes(message[body..body + 4].try_into().expect("four bytes"));
            started = !ENCRYPTION_ASKED.contains(&code);
            calls = !message.windows(FEED.len()).any(|at| at == FEED);
        } else {
            match message[0] {
                // A name, empty for BEGIN and the like, and the text.
                b'P' => transactional = TRANSACTIONAL.iter().any(|text| message[6..].starts_with(text)),
                // The portal's name, always empty, and the statement's.
                b'B' => transactional &= message[6] == 0,
                b'E' if calls && !transactional => {
                    statements.fetch_add(1, Ordering::SeqCst);
                }
                _ => {}
            }
        }
        to.write_all(&message).await?;
    }
}
