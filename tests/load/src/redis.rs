//! A program on this machine → a Redis of the load's own, in memory, until it is dropped.

use std::fs::File;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::cluster::free_port;

const START_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

pub struct Redis {
    port: u16,
    process: Child,
}

impl Redis {
    pub fn start(folder: &Path) -> anyhow::Result<Redis> {
        let port = free_port()?;
        let log = File::create(folder.join("redis.log"))?;
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("redis-server does not start: run scripts/setup load")?;
        let redis = Redis { port, process };
        let late = Instant::now() + START_MAX;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(
                Instant::now() < late,
                "redis-server does not listen; its log is in {}",
                folder.display()
            );
            sleep(POLL);
        }
        Ok(redis)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
