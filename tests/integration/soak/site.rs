//! Two instances, a Redis, a primary and a standby of it, which change places when the primary is lost.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, NoTls, Row};

use super::world::sql;
use super::world::tables::{READER, SOURCE};
use crate::support::{Cluster, Redis, Served, free_port, rowcall};

const CONTRACT: &str = "tests/contracts/soak";

pub const INSTANCES: usize = 2;

/// So long may Postgres take to answer again, or a table to be free.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A question to a server that may be gone is given up after so long.
const ASK_MAX: Duration = Duration::from_secs(5);

const PAUSE: Duration = Duration::from_millis(20);

pub struct Site {
    pub redis: Mutex<Redis>,
    servers: Mutex<Servers>,
    pub instances: [Instance; INSTANCES],
}

struct Servers {
    primary: Server,
    standby: Option<Server>,
}

#[derive(Clone)]
pub struct Server {
    pub port: u16,
    /// Held while `pg_ctl` is told something, or a copy is made.
    pub cluster: Arc<Mutex<Cluster>>,
}

/// One `rowcall serve`, always at the same address.
pub struct Instance {
    pub address: SocketAddr,
    arguments: Vec<String>,
    folder: TempDir,
    served: Mutex<Option<Served>>,
}

pub fn contract() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(CONTRACT)
}

impl Site {
    /// Blocks until all of it runs.
    pub fn start() -> Site {
        let settings = [
            "wal_level = logical",
            "max_prepared_transactions = 20",
            "max_connections = 100",
            "hot_standby_feedback = on",
            "max_standby_streaming_delay = 2s",
            // A standby is back soon after its primary is.
            "wal_retrieve_retry_interval = 200ms",
        ];
        let primary = Cluster::start(&settings);
        // Beyond what a test's server has of its own, and its copies: an acknowledged commit outlives a crash.
        for setting in ["synchronous_commit = on", "autovacuum = on"] {
            primary.psql("postgres", &["-c", &format!("ALTER SYSTEM SET {setting}")]);
        }
        primary.psql("postgres", &["-c", "SELECT pg_reload_conf()", "-o", "/dev/null"]);
        primary.psql("postgres", &["-c", &sql::all()]);
        primary.psql("postgres", &["-c", &format!("CREATE DATABASE {SOURCE}")]);
        primary.psql(SOURCE, &["-c", &sql::source()]);
        migrate(&primary.url("postgres"));
        let standby = primary.standby();
        let redis = Redis::start(&[]);
        let url = |ports: &[u16], rest: &str| {
            let hosts = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",");
            format!("postgres://{READER}@{hosts}/postgres{rest}")
        };
        let ports = [primary.port, standby.port];
        let instance = || {
            let settings = [
                // Each of them is at times the one and at times the other.
                format!("replicas.urls={},{}", url(&ports[..1], ""), url(&ports[1..], "")),
                format!("redis.url={}", redis.url()),
                "listener.age_max=10h".to_owned(),
                "postgres.connections_max=10".to_owned(),
                "replicas.connections_max=6".to_owned(),
                "log.filter=info".to_owned(),
            ];
            Instance::start(url(&ports, "?target_session_attrs=primary"), settings)
        };
        let instances = [instance(), instance()];
        let servers = Servers { primary: Server::new(primary), standby: Some(Server::new(standby)) };
        Site { redis: Mutex::new(redis), servers: Mutex::new(servers), instances }
    }

    pub fn primary(&self) -> Server {
        lock(&self.servers).primary.clone()
    }

    /// None while there is none.
    pub fn standby(&self) -> Option<Server> {
        lock(&self.servers).standby.clone()
    }

    /// The standby is the primary from here on, and the old one is nobody's any more.
    pub fn promoted(&self) -> Server {
        let mut servers = lock(&self.servers);
        let standby = servers.standby.take().expect("there was one");
        std::mem::replace(&mut servers.primary, standby)
    }

    pub fn joined(&self, standby: Cluster) {
        lock(&self.servers).standby = Some(Server::new(standby));
    }

    /// Of the primary there is now, as superuser. None while it does not answer.
    pub async fn session(&self) -> Option<Client> {
        self.session_in("postgres").await
    }

    pub async fn session_in(&self, database: &str) -> Option<Client> {
        self.primary().session(database).await
    }

    pub async fn standby_session(&self) -> Option<Client> {
        self.standby()?.session("postgres").await
    }

    /// The first row; None when Postgres does not answer.
    pub async fn asked(&self, sql: &str) -> Option<Row> {
        let session = self.session().await?;
        timeout(ASK_MAX, session.query_opt(sql, &[])).await.ok()?.ok()?
    }

    /// Runs SQL, again and again until it is done.
    pub async fn insist(&self, sql: &str) {
        self.insist_in("postgres", sql).await;
    }

    pub async fn insist_in(&self, database: &str, sql: &str) {
        let late = Instant::now() + ANSWER_MAX;
        loop {
            let failed = match self.session_in(database).await {
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

    /// Asks again and again until it is so.
    pub async fn until(&self, sql: &str) {
        let late = Instant::now() + ANSWER_MAX;
        while !self.asked(sql).await.is_some_and(|row| row.get(0)) {
            assert!(Instant::now() < late, "never true: {sql}");
            sleep(PAUSE).await;
        }
    }

    pub fn logs(&self) -> Vec<String> {
        self.instances.iter().map(Instance::log).collect()
    }
}

impl Server {
    fn new(cluster: Cluster) -> Server {
        Server { port: cluster.port, cluster: Arc::new(Mutex::new(cluster)) }
    }

    pub fn control(&self, command: &str) {
        lock(&self.cluster).control(command);
    }

    async fn session(&self, database: &str) -> Option<Client> {
        let url = format!("postgres://postgres@127.0.0.1:{}/{database}", self.port);
        let (client, connection) = timeout(ASK_MAX, tokio_postgres::connect(&url, NoTls)).await.ok()?.ok()?;
        tokio::spawn(connection);
        Some(client)
    }
}

impl Instance {
    fn start(database: String, settings: [String; 6]) -> Instance {
        let contract = contract().to_str().expect("UTF-8").to_owned();
        let mut arguments = vec!["--contract".to_owned(), contract, "--database".to_owned(), database];
        for setting in settings {
            arguments.extend(["--set".to_owned(), setting]);
        }
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let folder = tempfile::tempdir().expect("a folder");
        let instance = Instance { address, arguments, folder, served: Mutex::new(None) };
        instance.launch();
        lock(&instance.served).as_mut().expect("it was launched").hear_banner();
        instance
    }

    /// Waits for nothing.
    pub fn launch(&self) {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        *lock(&self.served) = Some(Served::launch(self.folder.path(), &self.address.to_string(), &arguments));
    }

    pub fn kill(&self) {
        if let Some(served) = lock(&self.served).take() {
            served.kill();
        }
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        if let Some(served) = lock(&self.served).as_ref() {
            served.signal(signal);
        }
    }

    pub fn log(&self) -> String {
        lock(&self.served).as_ref().map(Served::log).unwrap_or_default()
    }
}

fn migrate(url: &str) {
    let mut command = rowcall();
    command.args(["migrate", "--role", READER, "--contract"]).arg(contract()).env("DATABASE_URL", url);
    let output = command.output().expect("rowcall starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

/// Off the threads that everybody needs.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.expect("it does not panic")
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
