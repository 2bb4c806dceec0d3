//! Where faults happen: the Postgres, the wire to it, and Rowcall's process.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, NoTls, Row};

use crate::support::{Cluster, Proxy, Served};
use crate::torture::world::{READER, World};

/// So long may Postgres take to answer again, or a table to be free for DDL.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A question to a server that may be stopped is given up after so long.
const ASK_MAX: Duration = Duration::from_secs(5);

const PAUSE: Duration = Duration::from_millis(20);

pub struct Site {
    pub proxy: Proxy,
    pub served: Served,
    pub world: Arc<World>,
    cluster: Mutex<Cluster>,
    port: u16,
    folder: PathBuf,
}

impl Site {
    pub fn new(cluster: Cluster, proxy: Proxy, served: Served, world: Arc<World>) -> Site {
        let (port, folder) = (cluster.port, cluster.folder.clone());
        Site { proxy, served, world, cluster: Mutex::new(cluster), port, folder }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// To Postgres itself.
    pub fn url(&self, role: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/postgres", self.port)
    }

    pub fn control(&self, command: &str) {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner).control(command);
    }

    pub fn reload(&self) {
        self.served.signal(Signal::HUP);
    }

    /// As superuser, who gets in when nobody else does.
    pub async fn session(&self) -> Option<Client> {
        let url = self.url("postgres");
        let (client, connection) = timeout(ASK_MAX, tokio_postgres::connect(&url, NoTls)).await.ok()?.ok()?;
        tokio::spawn(connection);
        Some(client)
    }

    /// The first row; None when Postgres does not answer.
    pub async fn asked(&self, sql: &str) -> Option<Row> {
        let session = self.session().await?;
        timeout(ASK_MAX, session.query_opt(sql, &[])).await.ok()?.ok()?
    }

    /// Runs SQL, again and again until it is done.
    pub async fn insist(&self, sql: &str) {
        let late = Instant::now() + ANSWER_MAX;
        loop {
            let failed = match self.session().await {
                Some(session) => match session.batch_execute(sql).await {
                    Ok(()) => return,
                    Err(error) => format!("{error:?}"),
                },
                None => "no session".to_owned(),
            };
            assert!(Instant::now() < late, "{sql}: {failed}");
            sleep(PAUSE).await;
        }
    }

    /// Until Rowcall's role gets an answer.
    pub async fn until_up(&self) {
        let late = Instant::now() + ANSWER_MAX;
        while !self.answers().await {
            assert!(Instant::now() < late, "Postgres does not come back");
            sleep(PAUSE).await;
        }
    }

    pub async fn until_down(&self) {
        let late = Instant::now() + ANSWER_MAX;
        while self.answers().await {
            assert!(Instant::now() < late, "Postgres does not stop");
            sleep(PAUSE).await;
        }
    }

    async fn answers(&self) -> bool {
        let url = self.url(READER);
        let asked = async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.ok()?;
            tokio::spawn(connection);
            client.batch_execute("SELECT").await.ok()
        };
        matches!(timeout(ASK_MAX, asked).await, Ok(Some(())))
    }
}
