//! Binaries on this machine → a running Postgres in a temporary folder.
//!
//! A shell watches a pipe whose other end is ours: when this process is gone, even killed, the pipe
//! closes, and the shell stops the server and removes the folder.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};

/// A running server with trust authentication and the superuser `postgres`.
pub struct Cluster {
    /// Of the loopback listener and of the socket's name.
    pub port: u16,
    /// Where the unix socket is.
    pub folder: PathBuf,
    bin: PathBuf,
    /// Holds the pipe that keeps the server alive.
    _watcher: Child,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();

/// The one server of this process, started by whoever asks first. Blocks while it starts.
pub fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(|| Cluster::start(&[]))
}

/// A killed server's shared memory stays until the last of its processes has noticed, so that one
/// start may fail.
const WATCH: &str = r#"
exec 3>&1 1>"$FOLDER/out" 2>&1
eval "$MAKE" || exit 1
cat "$FOLDER/settings" >> "$FOLDER/data/postgresql.conf"
"$BIN/pg_ctl" -D "$FOLDER/data" -l "$FOLDER/log" -w -t 60 start || exit 1
echo ready >&3
exec 3>&-
while read -r command; do
    for try in $(seq 100); do
        "$BIN/pg_ctl" -D "$FOLDER/data" -l "$FOLDER/log" -m immediate -w $command && break
        [ "$command" = start ] || break
        sleep 0.2
    done
done
id=$(head -n 1 "$FOLDER/data/postmaster.pid") && kill -CONT "$id" $(cat "/proc/$id/task/$id/children")
"$BIN/pg_ctl" -D "$FOLDER/data" -m immediate -w stop
cd / && rm -rf "$FOLDER"
"#;

const INIT: &str =
    r#""$BIN/initdb" -D "$FOLDER/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync"#;

/// `-R` tells the copy to be a standby of what it was copied from.
const COPY: &str =
    r#""$BIN/pg_basebackup" -D "$FOLDER/data" -R -X stream -c fast --no-sync -U postgres $FROM"#;

impl Cluster {
    /// Starts another server, for tests that stop it or need settings of their own
    /// (`name = value` lines of postgresql.conf).
    pub fn start(settings: &[&str]) -> Cluster {
        Cluster::start_with(settings, &[])
    }

    /// The same with files beside the data folder (`../name`), which only the server can read.
    pub fn start_with(settings: &[&str], files: &[(&str, String)]) -> Cluster {
        Cluster::make(free_port(), INIT, "", settings, files)
    }

    /// Starts a standby, which follows this server until it is told to `promote`.
    pub fn standby(&self) -> Cluster {
        self.standby_at(free_port())
    }

    /// The same on a port that another has left.
    pub fn standby_at(&self, port: u16) -> Cluster {
        let from = format!("-h {} -p {}", self.folder.display(), self.port);
        Cluster::make(port, COPY, &from, &[], &[])
    }

    fn make(port: u16, make: &str, from: &str, settings: &[&str], files: &[(&str, String)]) -> Cluster {
        let bin = binaries();
        let folder = tempfile::Builder::new().prefix("rowcall-test-").tempdir().expect("a folder").keep();
        for (name, content) in files {
            fs::write(folder.join(name), content).expect("a file is written");
            fs::set_permissions(folder.join(name), PermissionsExt::from_mode(0o600)).expect("it is ours");
        }
        let lines = [
            format!("port = {port}"),
            "listen_addresses = '127.0.0.1'".to_owned(),
            format!("unix_socket_directories = '{}'", folder.display()),
            "fsync = off\nsynchronous_commit = off\nfull_page_writes = off".to_owned(),
            "max_connections = 300\nshared_buffers = 64MB\nautovacuum = off".to_owned(),
            "log_min_messages = fatal\nmax_wal_size = 2GB".to_owned(),
            settings.join("\n"),
        ];
        fs::write(folder.join("settings"), lines.join("\n") + "\n").expect("settings are written");
        let mut command = unprivileged(&folder);
        let mut watcher = command
            .args(["sh", "-c", WATCH])
            .env("FOLDER", &folder)
            .env("BIN", &bin)
            .env("MAKE", make)
            .env("FROM", from)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let mut said = String::new();
        let out = watcher.stdout.take().expect("stdout is piped");
        BufReader::new(out).read_line(&mut said).expect("the shell's pipe reads");
        if said.trim() != "ready" {
            let read = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
            let text = format!("Postgres did not start:\n{}\n{}", read("out"), read("log"));
            let _ = fs::remove_dir_all(&folder);
            panic!("{text}");
        }
        Cluster { port, folder, bin, _watcher: watcher }
    }

    /// A URL through loopback TCP.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// A URL through the unix socket.
    pub fn socket_url(&self, database: &str) -> String {
        format!("postgres:///{database}?user=postgres&host={}&port={}", self.folder.display(), self.port)
    }

    /// Ends the server as a crash of its machine would: kill -9, of the postmaster alone.
    pub fn kill(&self) {
        kill(self.postmaster());
    }

    /// Stops all of the server's processes as they are (SIGSTOP): what connects to it is taken and not answered.
    pub fn freeze(&self) -> Frozen {
        let postmaster = self.postmaster();
        let mut frozen = Frozen { processes: Vec::new() };
        // The postmaster first, so that it starts no more.
        frozen.stop(postmaster);
        let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
        for child in children.expect("Linux says so").split_ascii_whitespace() {
            frozen.stop(child.parse().expect("a process id"));
        }
        frozen
    }

    fn postmaster(&self) -> i32 {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("it runs");
        file.lines().next().and_then(|line| line.trim().parse().ok()).expect("a process id")
    }

    /// Tells `pg_ctl` to `stop` (at once, or with `-m fast`), `start`, `restart` or `promote`, without
    /// waiting for it.
    pub fn control(&mut self, command: &str) {
        let pipe = self._watcher.stdin.as_mut().expect("stdin is piped");
        writeln!(pipe, "{command}").expect("the shell reads");
    }

    /// Runs psql and fails the test with what it said.
    pub fn psql(&self, database: &str, arguments: &[&str]) {
        let output = Command::new(self.bin.join("psql"))
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database])
            .arg("-h")
            .arg(&self.folder)
            .args(["-p", &self.port.to_string()])
            .args(arguments)
            .env("PGOPTIONS", "-c client_min_messages=warning")
            .stdin(Stdio::null())
            .output()
            .expect("psql starts");
        assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A server that does nothing until this is dropped.
pub struct Frozen {
    processes: Vec<Pid>,
}

impl Frozen {
    fn stop(&mut self, process_id: i32) {
        let id = Pid::from_raw(process_id).expect("a process id");
        // A child may have ended meanwhile.
        if kill_process(id, Signal::STOP).is_ok() {
            self.processes.push(id);
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for id in self.processes.drain(..) {
            let _ = kill_process(id, Signal::CONT);
        }
    }
}

/// kill -9 of one of a server's processes, as `pg_backend_pid()` names it.
pub fn kill(process_id: i32) {
    let id = Pid::from_raw(process_id).expect("a process id");
    kill_process(id, Signal::KILL).expect("it is ours, or we are root");
}

/// See `port`.
pub fn free_port() -> u16 {
    super::port::free_port().expect("a port is free")
}

/// The newest server on this machine.
fn binaries() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .max_by_key(|bin| bin.parent().and_then(|v| v.file_name()?.to_str()?.parse::<u32>().ok()));
    let on_path = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    };
    newest.or_else(on_path).expect("Postgres is not installed: apt-get install postgresql")
}

/// Postgres refuses to run as root: as root, the command runs as the user `postgres`.
pub(super) fn unprivileged(folder: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new("env");
    }
    let owned = Command::new("chown").arg("-R").arg("postgres:").arg(folder).status().expect("chown starts");
    assert!(owned.success(), "there is no user `postgres` to run Postgres as");
    fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).expect("folder is ours");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]);
    command
}
