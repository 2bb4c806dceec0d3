//! A cancel that is under way for longer than anyone waits hits no statement of another.

use std::time::Duration;

use rowcall::postgres::Mode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::session::{postgres, run, want};
use crate::support::{Database, EMPTY, cluster, database};

/// What stands in place of a protocol version when a cancel is asked for.
const CANCEL_ASKED: [u8; 4] = 80_877_102i32.to_be_bytes();

/// A way to Postgres on which cancels wait until they are let through.
struct Way {
    port: u16,
    /// Cancels that have come.
    asked: watch::Receiver<usize>,
    through: watch::Sender<bool>,
}

impl Way {
    async fn open() -> Way {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let (told, asked) = watch::channel(0);
        let (through, _) = watch::channel(false);
        let opened = through.clone();
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                let (told, mut opened) = (told.clone(), opened.subscribe());
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(("127.0.0.1", cluster().port)).await?;
                    let mut first = [0; 8];
                    caller.read_exact(&mut first).await?;
                    if first[4..] == CANCEL_ASKED {
                        told.send_modify(|asked| *asked += 1);
                        opened.wait_for(|open| *open).await.map_err(std::io::Error::other)?;
                    }
                    server.write_all(&first).await?;
                    copy_bidirectional(&mut caller, &mut server).await
                });
            }
        });
        Way { port, asked, through }
    }

    fn url(&self, database: &Database) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{}", self.port, database.name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_cancel_may_still_come_is_not_used_again() {
    let (database, mut way) = (database(EMPTY).await, Way::open().await);
    let postgres = postgres(&way.url(&database), |settings| {
        settings.connections_max = 1;
        settings.wait_max = Duration::from_secs(20);
        settings.cancel_wait_max = Duration::from_secs(2);
    });
    let process = "SELECT pg_backend_pid()::text";
    let mut session = postgres.session(want(Mode::Single)).await.expect("a connection");
    let first = run(&mut session, process, &[25]).await.expect("its process");
    let holding = database.client().await;
    holding.batch_execute("SELECT pg_advisory_lock(7)").await.expect("the test's own SQL");
    let left = run(&mut session, "SELECT '' FROM pg_advisory_xact_lock(7)", &[25]);
    assert!(tokio::time::timeout(Duration::from_millis(20), left).await.is_err());
    drop(session);
    let asked = way.asked.wait_for(|asked| *asked > 0);
    let asked = tokio::time::timeout(Duration::from_secs(20), asked).await;
    assert!(asked.is_ok(), "it is never cancelled");
    // It ends by itself, so that the connection is ready while its cancel is still under way.
    holding.batch_execute("SELECT pg_advisory_unlock(7)").await.expect("the test's own SQL");
    let mut session = postgres.session(want(Mode::Single)).await.expect("another connection");
    way.through.send_replace(true);
    let slow = "SELECT pg_backend_pid()::text FROM pg_sleep(0.3)";
    let second = run(&mut session, slow, &[25]).await.expect("the cancel was another's");
    assert_ne!(first, second);
}
