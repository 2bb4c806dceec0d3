//! A program → a process that accepts connections, until it is dropped.

use std::fs::{File, read_to_string};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::cluster::{Cluster, Database, free_port};

const START_MAX: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// As it comes, over tables that nobody follows: nothing is kept.
    Rowcall,
    RowcallNotJoining,
    /// All that is measured is on loopback, where Rowcall does not compress unless it is told to.
    RowcallCompressing,
    /// As it comes, over tables that tell of their changes.
    RowcallKeeping,
    RowcallKeepingCompressing,
    /// With room for less than a tenth of what is asked for.
    RowcallKeepingLittle,
    /// With a collector, and as it then comes: metrics, and a tenth of the traces.
    RowcallTelling,
    RowcallKeepingTelling,
    /// The same with every trace sampled.
    RowcallTellingAll,
    RowcallKeepingTellingAll,
    /// The same, and the collector is gone.
    RowcallKeepingUnheard,
    Bare,
    Written,
    /// A collector that reads what it is sent, and keeps nothing of it.
    Sink,
}

/// What Rowcall says once it serves from its database; it listens from before.
const BANNER: &str = "Try:";

impl Program {
    fn settings(self) -> &'static [&'static str] {
        match self {
            Program::RowcallNotJoining => &["join.calls_max=1"],
            Program::RowcallCompressing | Program::RowcallKeepingCompressing => {
                &["compression.loopback=true"]
            }
            Program::RowcallKeepingLittle => &["cache.bytes_max=64MiB"],
            Program::RowcallTellingAll | Program::RowcallKeepingTellingAll => &["telemetry.traces_ratio=1"],
            Program::RowcallKeepingUnheard => {
                &["telemetry.traces_ratio=1", "telemetry.traces_per_second=1000000"]
            }
            Program::RowcallTelling | Program::RowcallKeepingTelling => &[],
            Program::Rowcall | Program::RowcallKeeping | Program::Bare | Program::Written | Program::Sink => {
                &[]
            }
        }
    }

    fn database(self) -> Database {
        if self.keeps() { Database::Followed } else { Database::Plain }
    }

    /// Whether it answers from what it has kept.
    pub fn keeps(self) -> bool {
        use Program::*;
        matches!(
            self,
            RowcallKeeping
                | RowcallKeepingCompressing
                | RowcallKeepingLittle
                | RowcallKeepingTelling
                | RowcallKeepingTellingAll
                | RowcallKeepingUnheard
        )
    }

    /// Whether it has a collector to tell.
    pub fn tells(self) -> bool {
        use Program::*;
        matches!(self, RowcallTelling | RowcallTellingAll | RowcallKeepingTelling | RowcallKeepingTellingAll)
    }

    /// Whether it believes to have one.
    fn is_unheard(self) -> bool {
        self == Program::RowcallKeepingUnheard
    }

    fn is_ready(self, log: &Path) -> bool {
        match self {
            Program::Bare | Program::Written | Program::Sink => true,
            _ => read_to_string(log).is_ok_and(|said| said.contains(BANNER)),
        }
    }
}

pub struct Programs {
    pub rowcall: PathBuf,
    pub load: PathBuf,
    pub contract: PathBuf,
    /// Where each one's log is written.
    pub folder: PathBuf,
}

pub struct Server {
    pub address: SocketAddr,
    process: Child,
}

/// What a program is told beside what its name says.
#[derive(Debug, Clone, Default)]
pub struct More {
    /// Of Rowcall: `name=value`.
    pub settings: Vec<String>,
    /// Of bare tonic: the bytes of its constant page.
    pub page_bytes: usize,
    /// Tells the logs of several apart.
    pub number: usize,
    /// Of Rowcall: where its telemetry goes, if it has any.
    pub collector: Option<SocketAddr>,
}

impl Programs {
    /// Has a database tell of changes.
    pub fn migrate(&self, cluster: &Cluster, database: Database) -> anyhow::Result<()> {
        let mut command = self.rowcall();
        command.args(["migrate", "--database", &cluster.url(database), "--contract"]).arg(&self.contract);
        let output = command.output()?;
        ensure!(output.status.success(), "rowcall migrate: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    pub fn start(&self, program: Program, cluster: &Cluster, more: &More) -> anyhow::Result<Server> {
        let mut server = self.spawn(program, cluster, more)?;
        let log = self.log(program, more);
        let late = Instant::now() + START_MAX;
        while TcpStream::connect(server.address).is_err() || !program.is_ready(&log) {
            if server.process.try_wait()?.is_some() || Instant::now() > late {
                bail!("{program:?} does not listen; its log is {}", log.display());
            }
            sleep(POLL);
        }
        Ok(server)
    }

    fn log(&self, program: Program, more: &More) -> PathBuf {
        self.folder.join(format!("{program:?}.{}.log", more.number))
    }

    fn spawn(&self, program: Program, cluster: &Cluster, more: &More) -> anyhow::Result<Server> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let mut command = match program {
            Program::Bare => self.peer("bare", address),
            Program::Written => self.peer("written", address),
            Program::Sink => self.peer("sink", address),
            _ => self.rowcall(),
        };
        let database = cluster.url(program.database());
        match program {
            Program::Bare => drop(command.args(["--page-bytes", &more.page_bytes.to_string()])),
            Program::Written => drop(command.arg(database)),
            Program::Sink => {}
            _ => {
                command.args(["serve", "--listen", &address.to_string(), "--database", &database]);
                command.arg("--contract").arg(&self.contract);
            }
        }
        let settings = program.settings().iter().copied().chain(more.settings.iter().map(String::as_str));
        for setting in settings {
            command.args(["--set", setting]);
        }
        if program.tells() {
            let collector = more.collector.context("who tells has a collector")?;
            command.args(["--set", &format!("telemetry.endpoint=http://{collector}")]);
        }
        if program.is_unheard() {
            command.args(["--set", &format!("telemetry.endpoint=http://127.0.0.1:{}", free_port()?)]);
        }
        let output = File::create(self.log(program, more))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).current_dir(&self.folder);
        let process = command.spawn().with_context(|| format!("{program:?} does not start"))?;
        Ok(Server { address, process })
    }

    /// Settings of whoever runs this are not measured.
    fn rowcall(&self) -> Command {
        let mut command = Command::new(&self.rowcall);
        for (name, _) in std::env::vars_os() {
            if ["ROWCALL_", "OTEL_"].iter().any(|of| name.to_string_lossy().starts_with(of)) {
                command.env_remove(name);
            }
        }
        command
    }

    fn peer(&self, name: &str, address: SocketAddr) -> Command {
        let mut command = Command::new(&self.load);
        command.args(["serve", name, &address.to_string()]);
        command
    }
}

impl Server {
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
