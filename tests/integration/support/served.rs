//! The binary of this package → a running server, for clients that speak no Rust.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Lines};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Nothing that is waited for is logged so late.
const LOGGED_MAX: Duration = Duration::from_secs(30);

/// `rowcall serve` in a folder of its own; it is told to end when this is dropped.
pub struct Served {
    /// Where it listens.
    pub address: String,
    /// What it said first.
    pub banner: String,
    /// What it says after that.
    out: Lines<BufReader<ChildStdout>>,
    process: Child,
    log: File,
    /// Removed with this.
    folder: Option<TempDir>,
}

/// The command, without what the environment would set.
pub fn rowcall() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowcall"));
    let ours = |name: &str| name == "DATABASE_URL" || name.starts_with("ROWCALL_");
    for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// `rowcall migrate`, after which the database tells of changes. Blocks until it is done.
pub fn migrate(contract: &Path, url: &str) {
    let mut command = rowcall();
    command.arg("migrate").arg("--contract").arg(contract).args(["--database", url]);
    let done = command.output().expect("rowcall starts");
    assert!(done.status.success(), "migrate: {}", String::from_utf8_lossy(&done.stderr));
}

impl Served {
    /// Starts the server on a free port of this machine, and blocks until it says where.
    pub fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut served = Self::start_in(folder.path(), arguments);
        served.folder = Some(folder);
        served
    }

    /// The same in a folder that others have seen or will see.
    pub fn start_in(folder: &Path, arguments: &[&str]) -> Self {
        let mut served = Self::launch(folder, "127.0.0.1:0", arguments);
        served.hear_banner();
        served.address =
            address(&served.banner).unwrap_or_else(|| panic!("no address in the banner:\n{}", served.banner));
        served
    }

    /// Starts it where the test chose, and waits for nothing.
    pub fn launch(folder: &Path, address: &str, arguments: &[&str]) -> Self {
        let log = tempfile::tempfile().expect("a file");
        let mut process = rowcall()
            .args(["serve", "--listen", address])
            .args(arguments)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(log.try_clone().expect("a second handle"))
            .spawn()
            .expect("rowcall starts");
        let out = BufReader::new(process.stdout.take().expect("stdout is piped")).lines();
        let (address, banner) = (address.to_owned(), String::new());
        Self { address, banner, out, process, log, folder: None }
    }

    /// Blocks until it has said what it serves and where.
    pub fn hear_banner(&mut self) {
        while !self.banner.contains("Try:") {
            match self.out.next() {
                Some(line) => self.banner = format!("{}{}\n", self.banner, line.expect("UTF-8")),
                None => {
                    panic!("rowcall ended: {:?}\n{}{}", self.process.wait(), self.banner, text(&self.log))
                }
            }
        }
    }

    pub fn id(&self) -> Pid {
        Pid::from_raw(self.process.id() as i32).expect("a running process")
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).expect("it is ours");
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        text(&self.log)
    }

    /// Waits until it has logged this, so often.
    pub async fn logged(&self, said: &str, times: usize) {
        let late = Instant::now() + LOGGED_MAX;
        while self.log().matches(said).count() < times {
            assert!(Instant::now() < late, "never logged {said:?}:\n{}", self.log());
            tokio::task::yield_now().await;
        }
    }

    /// One more line of what it says.
    pub fn line(&mut self) -> Option<String> {
        self.out.next().map(|line| line.expect("UTF-8"))
    }

    /// Waits until it has ended by itself: how, and all that it logged.
    pub fn end(mut self) -> (ExitStatus, String) {
        let status = self.process.wait().expect("it is ours");
        (status, text(&self.log))
    }

    /// What it has in memory.
    pub fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// Tells it to end, and waits.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.process.wait().expect("it is ours")
    }

    /// Ends it with no time for anything.
    pub fn kill(mut self) -> ExitStatus {
        self.signal(Signal::KILL);
        self.process.wait().expect("it is ours")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if !matches!(self.process.try_wait(), Ok(None)) {
            return;
        }
        let told = Pid::from_raw(self.process.id() as i32).map(|pid| kill_process(pid, Signal::TERM));
        if !matches!(told, Some(Ok(()))) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// `… · 127.0.0.1:50051 (plaintext)` ends the first line.
fn address(banner: &str) -> Option<String> {
    let (_, last) = banner.lines().next()?.rsplit_once(" · ")?;
    Some(last.split_once(' ')?.0.to_owned())
}

/// From the beginning; where the process writes is not moved.
fn text(log: &File) -> String {
    let length = log.metadata().map_or(0, |about| about.len());
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let _ = log.read_exact_at(&mut bytes, 0);
    String::from_utf8_lossy(&bytes).into_owned()
}
