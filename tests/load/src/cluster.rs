//! Binaries on this machine → a Postgres of the load's own, with two equal databases, filled and in memory.
//!
//! A shell watches a pipe whose other end is ours: when this process is gone, even killed, the pipe
//! closes, and the shell stops the server and removes the folder.

use std::cell::Cell;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

const FILL: &str = include_str!("../sql/fill.sql");

/// Everything else is Postgres' default. What is read has to fit into memory; fsync does not touch reads, and is on where
/// writes are measured.
const SETTINGS: &str = "\
listen_addresses = '127.0.0.1'
shared_buffers = 1536MB
max_connections = 200
fsync = off
max_wal_size = 4GB
autovacuum = off
";

const RELOAD_MAX: Duration = Duration::from_secs(10);

const PREWARM: &str = "SELECT sum(pg_prewarm(oid)) FROM pg_class
    WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace";

const WATCH: &str = r#"
trap '' INT TERM
exec 3>&1 1>"$FOLDER/out" 2>&1
"$BIN/initdb" -D "$FOLDER/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync || exit 1
cat "$FOLDER/settings" >> "$FOLDER/data/postgresql.conf"
"$BIN/pg_ctl" -D "$FOLDER/data" -l "$FOLDER/log" -w -t 60 start || exit 1
echo ready >&3
exec 3>&-
read -r end
"$BIN/pg_ctl" -D "$FOLDER/data" -m immediate -w stop
cd / && rm -rf "$FOLDER"
"#;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// As it was filled.
    Plain,
    /// The same after `rowcall migrate`.
    Followed,
}

impl Database {
    pub fn name(self) -> &'static str {
        match self {
            Database::Plain => "postgres",
            Database::Followed => "followed",
        }
    }
}

/// Whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    On,
    Off,
}

/// A running server with trust authentication and the superuser `postgres`; dropped, it is gone.
pub struct Cluster {
    pub port: u16,
    bin: PathBuf,
    fsync: Cell<Fsync>,
    /// Holds the pipe that keeps the server alive.
    watcher: Child,
}

impl Cluster {
    pub fn start() -> anyhow::Result<Cluster> {
        let bin = binaries()?;
        let port = free_port()?;
        let folder = tempfile::Builder::new().prefix("rowcall-load-").tempdir()?.keep();
        let settings = format!("{SETTINGS}port = {port}\nunix_socket_directories = '{}'\n", folder.display());
        fs::write(folder.join("settings"), settings)?;
        let mut watcher = unprivileged(&folder)?
            .args(["sh", "-c", WATCH])
            .env("FOLDER", &folder)
            .env("BIN", &bin)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("setpriv or env does not start")?;
        let mut said = String::new();
        BufReader::new(watcher.stdout.take().context("stdout is piped")?).read_line(&mut said)?;
        if said.trim() != "ready" {
            let read = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
            let text = format!("{}\n{}", read("out"), read("log"));
            fs::remove_dir_all(&folder)?;
            bail!("Postgres did not start:\n{text}");
        }
        let cluster = Cluster { port, bin, fsync: Cell::new(Fsync::Off), watcher };
        cluster.psql(Database::Plain, FILL)?;
        let followed = Database::Followed.name();
        cluster.psql(Database::Plain, &format!("CREATE DATABASE {followed} TEMPLATE postgres"))?;
        cluster.psql(Database::Followed, PREWARM)?;
        Ok(cluster)
    }

    /// Through loopback TCP.
    pub fn url(&self, database: Database) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{}", self.port, database.name())
    }

    /// One of its programs, told where the database is.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres"]);
        command
    }

    pub fn sync(&self, fsync: Fsync) -> anyhow::Result<()> {
        if self.fsync.replace(fsync) == fsync {
            return Ok(());
        }
        let value = if fsync == Fsync::On { "on" } else { "off" };
        self.psql(
            Database::Plain,
            &format!("ALTER SYSTEM SET fsync = {value};\nSELECT pg_reload_conf();\nCHECKPOINT;"),
        )?;
        let late = Instant::now() + RELOAD_MAX;
        while self.psql(Database::Plain, "SHOW fsync")? != value {
            ensure!(Instant::now() < late, "Postgres does not turn fsync {value}");
        }
        Ok(())
    }

    /// What a script of SQL answers, a row a line.
    pub fn psql(&self, database: Database, script: &str) -> anyhow::Result<String> {
        let mut command = self.program("psql");
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
        // Each statement by itself: VACUUM does not run among others.
        command.args(["-f", "-", database.name()]);
        let file = tempfile::tempfile().and_then(|mut file| {
            use std::io::{Seek as _, Write as _};
            file.write_all(script.as_bytes())?;
            file.rewind()?;
            Ok(file)
        })?;
        let output = command.stdin(file).output().context("psql does not start")?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        let _ = self.watcher.wait();
    }
}

pub fn free_port() -> anyhow::Result<u16> {
    crate::port::free_port().context("no port is free")
}

/// The newest server on this machine.
fn binaries() -> anyhow::Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .max_by_key(|bin| bin.parent().and_then(|v| v.file_name()?.to_str()?.parse::<u32>().ok()));
    let on_path = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    };
    newest.or_else(on_path).context("Postgres is not installed: run scripts/setup load")
}

/// Postgres refuses to run as root: as root, the command runs as the user `postgres`.
fn unprivileged(folder: &Path) -> anyhow::Result<Command> {
    if !rustix::process::geteuid().is_root() {
        return Ok(Command::new("env"));
    }
    let owned = Command::new("chown").arg("-R").arg("postgres:").arg(folder).status()?;
    ensure!(owned.success(), "there is no user `postgres` to run Postgres as");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]);
    Ok(command)
}
