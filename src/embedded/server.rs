//! Binaries and a folder → a Postgres that accepts connections, until it is stopped.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::binaries::Binaries;
use super::folder::Folder;
use super::{Account, Error, POLL};

/// After the kind way has had its time.
const IMMEDIATE_MAX: Duration = Duration::from_secs(5);

/// How much of the log an error quotes.
const LOG_LINES: usize = 5;

/// Modest: it stands beside other things on someone's machine. The data are worth an fsync all the same.
const SETTINGS: [&str; 12] = [
    "listen_addresses=",
    "port=5432",
    "unix_socket_permissions=0700",
    "shared_buffers=64MB",
    "max_connections=100",
    "max_wal_size=256MB",
    "min_wal_size=64MB",
    "fsync=on",
    "jit=off",
    "timezone=UTC",
    "logging_collector=off",
    "log_timezone=UTC",
];

/// How it ended: `exit status: 1`.
type Exit = Option<String>;

pub(super) struct Server {
    process: Pid,
    exit: watch::Receiver<Exit>,
}

impl Server {
    /// `output` is the log, whose lock Postgres keeps.
    pub(super) async fn run(
        binaries: &Binaries,
        account: &Account,
        folder: &Folder,
        output: File,
        start_max: Duration,
    ) -> Result<Server, Error> {
        folder.make_sockets(account)?;
        let log = folder.log();
        output.set_len(0).map_err(Error::io("empty", &log))?;
        let errors = output.try_clone().map_err(Error::io("open", &log))?;
        let mut command = account.command(&binaries.postgres);
        command.arg("-D").arg(folder.data()).arg("-k").arg(folder.sockets());
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        // A group of its own: Ctrl-C reaches us, and we stop Postgres when the last call has ended.
        command.process_group(0).kill_on_drop(false);
        command.stdin(Stdio::null()).stdout(Stdio::from(output)).stderr(Stdio::from(errors));
        let mut child = command.spawn().map_err(Error::io("run", &binaries.postgres))?;
        let process = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let (ended, exit) = watch::channel(None);
        tokio::spawn(async move {
            let how = child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
            let _ = ended.send(Some(how));
        });
        let Some(process) = process else { return Err(ended_early(folder)) };
        let server = Server { process, exit };
        match timeout(start_max, server.ready(folder)).await {
            Ok(ready) => ready.map(|()| server),
            Err(_) => Err(Error::Late { seconds: start_max.as_secs(), log }),
        }
    }

    /// Postgres itself says so in the file that carries its number.
    async fn ready(&self, folder: &Folder) -> Result<(), Error> {
        let file = folder.data().join("postmaster.pid");
        loop {
            if self.exit.borrow().is_some() {
                return Err(ended_early(folder));
            }
            if says_ready(&fs::read_to_string(&file).unwrap_or_default(), self.process) {
                return Ok(());
            }
            sleep(POLL).await;
        }
    }

    /// Sees the end from now on.
    pub(super) fn exit(&self) -> watch::Receiver<Exit> {
        self.exit.clone()
    }

    /// Fast shutdown; what does not come to an end in time is cut.
    pub(super) async fn stop(self, stop_max: Duration) {
        for (signal, limit) in
            [(Signal::INT, stop_max), (Signal::QUIT, IMMEDIATE_MAX), (Signal::KILL, IMMEDIATE_MAX)]
        {
            self.signal(signal);
            let mut exit = self.exit.clone();
            if timeout(limit, exit.wait_for(Option::is_some)).await.is_ok() {
                return;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        if self.exit.borrow().is_none() {
            let _ = rustix::process::kill_process(self.process, signal);
        }
    }
}

impl Drop for Server {
    /// However we end, it is told to.
    fn drop(&mut self) {
        self.signal(Signal::INT);
    }
}

/// The first line is the process' number, the eighth its state.
fn says_ready(file: &str, process: Pid) -> bool {
    let mut lines = file.lines().map(str::trim);
    let own = process.as_raw_nonzero().to_string();
    lines.next() == Some(own.as_str()) && lines.nth(6) == Some("ready")
}

fn ended_early(folder: &Folder) -> Error {
    let log = folder.log();
    Error::Ended { said: last_lines(&log), log }
}

fn last_lines(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_what_this_process_says() {
        let file = |state: &str| format!("12\n/data\n1\n5432\n/socket\n\n  1 2\n{state} \n");
        let pid = |pid| Pid::from_raw(pid).expect("not zero");
        assert!(says_ready(&file("ready"), pid(12)));
        assert!(!says_ready(&file("ready"), pid(13)));
        assert!(!says_ready(&file("starting"), pid(12)));
        assert!(!says_ready("12\n", pid(12)));
    }
}
