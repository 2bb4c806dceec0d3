//! A PgBouncer by transaction in front of the cluster, for as long as it is held.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::cluster::{free_port, unprivileged};
use super::{Database, cluster};

pub struct Pooler {
    pub port: u16,
    _watcher: Child,
}

const START_MAX: Duration = Duration::from_secs(60);

const WATCH: &str = r#"
pgbouncer "$FOLDER/pgbouncer.ini" >"$FOLDER/log" 2>&1 &
read -r _
kill $!
wait
cd / && rm -rf "$FOLDER"
"#;

impl Pooler {
    /// All of a database's clients share this many server connections. Blocks until it listens.
    pub fn start(servers: u32) -> Pooler {
        let folder = tempfile::Builder::new().prefix("rowcall-pooler-").tempdir().expect("a folder").keep();
        let port = free_port();
        let server = cluster().port;
        // With authentication `any` the server side needs a user of its own.
        let ini = format!(
            "[databases]\n* = user=postgres host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
             default_pool_size = {servers}\nmax_client_conn = 500\n"
        );
        fs::write(folder.join("pgbouncer.ini"), ini).expect("settings are written");
        let watcher = unprivileged(&folder)
            .args(["sh", "-c", WATCH])
            .env("FOLDER", &folder)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let late = Instant::now() + START_MAX;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < late, "PgBouncer does not listen: {}", log());
            std::thread::yield_now();
        }
        Pooler { port, _watcher: watcher }
    }

    pub fn url(&self, database: &Database) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{}", self.port, database.name)
    }
}
