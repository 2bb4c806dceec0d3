//! A program → a process that accepts connections, until it is dropped.

use std::fs::{File, read_to_string};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::cluster::{Cluster, free_port};

const START_MAX: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// As it comes.
    Rowcall,
    RowcallNotJoining,
    /// All that is measured is on loopback, where Rowcall does not compress unless it is told to.
    RowcallCompressing,
    Bare,
    Written,
}

/// What Rowcall says once it serves from its database; it listens from before.
const BANNER: &str = "Try:";

impl Program {
    fn is_ready(self, log: &Path) -> bool {
        match self {
            Program::Bare | Program::Written => true,
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

impl Programs {
    pub fn start(&self, program: Program, cluster: &Cluster) -> anyhow::Result<Server> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let mut command = match program {
            Program::Bare => self.peer("bare", address),
            Program::Written => self.peer("written", address),
            _ => Command::new(&self.rowcall),
        };
        // Settings of whoever runs this are not measured.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ROWCALL_") {
                command.env_remove(name);
            }
        }
        match program {
            Program::Bare => {}
            Program::Written => drop(command.arg(cluster.url())),
            _ => {
                command.args(["serve", "--listen", &address.to_string(), "--database", &cluster.url()]);
                command.arg("--contract").arg(&self.contract);
            }
        }
        match program {
            Program::RowcallNotJoining => drop(command.args(["--set", "join.calls_max=1"])),
            Program::RowcallCompressing => drop(command.args(["--set", "compression.loopback=true"])),
            _ => {}
        }
        let log = self.folder.join(format!("{program:?}.log"));
        let output = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).current_dir(&self.folder);
        let process = command.spawn().with_context(|| format!("{program:?} does not start"))?;
        let mut server = Server { address, process };
        let late = Instant::now() + START_MAX;
        while TcpStream::connect(address).is_err() || !program.is_ready(&log) {
            if server.process.try_wait()?.is_some() || Instant::now() > late {
                bail!("{program:?} does not listen; its log is {}", log.display());
            }
            sleep(POLL);
        }
        Ok(server)
    }

    fn peer(&self, name: &str, address: SocketAddr) -> Command {
        let mut command = Command::new(&self.load);
        command.args(["serve", name, &address.to_string()]);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
