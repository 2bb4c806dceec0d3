//! A server's address and a pool of keys → calls a second, or the median time of one, by h2load.
//!
//! gRPC sends errors with HTTP status 200, so a count of 2xx proves nothing: the bytes of an answer
//! are compared with those of a call that was checked.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::keys::Pool;
use crate::pairs::median;

/// Calls in flight, spread over connections.
#[derive(Debug, Clone, Copy)]
pub struct Flight {
    pub connections: u32,
    pub calls_each: u32,
}

pub const MANY: Flight = Flight { connections: 4, calls_each: 8 };
/// Of each of two instances.
pub const HALF: Flight = Flight { connections: 2, calls_each: 8 };
pub const ONE: Flight = Flight { connections: 1, calls_each: 1 };

/// What h2load counted.
#[derive(Debug, PartialEq)]
pub struct Slice {
    pub per_second: f64,
    /// Of answers, framing included and headers not.
    pub answer_bytes: f64,
    pub distinct_keys: u64,
    /// Half of the calls took at most so many microseconds; only when asked for.
    pub median_micros: f64,
}

pub struct H2load {
    /// The library that gives each request a key of its own.
    pub randkey: PathBuf,
    /// Where its log may be.
    pub folder: PathBuf,
}

pub struct Calls<'a> {
    pub address: SocketAddr,
    pub method: &'a str,
    pub headers: &'a [&'a str],
    pub pool: &'a Pool,
    pub flight: Flight,
    pub seconds: u32,
}

impl H2load {
    /// Compiles randkey, which lies beside the repository.
    pub fn build(root: &Path, folder: &Path) -> anyhow::Result<H2load> {
        let source = root.join("../shared/tools/randkey/randkey.c");
        ensure!(source.exists(), "random keys need {}, which is not there", source.display());
        let randkey = folder.join("randkey.so");
        let compiled = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .args([&randkey, &source])
            .status()
            .context("cc does not start")?;
        ensure!(compiled.success(), "cc could not compile {}", source.display());
        Ok(H2load { randkey, folder: folder.to_owned() })
    }

    pub fn run(&self, calls: &Calls<'_>) -> anyhow::Result<Slice> {
        let log = self.folder.join("calls.log");
        let mut command = Command::new("h2load");
        command
            .env("LD_PRELOAD", &self.randkey)
            .env("RANDKEY_POOL", &calls.pool.path)
            .env("RANDKEY_SIZE", calls.pool.piece_bytes.to_string())
            .args(["-t", "1", "-c", &calls.flight.connections.to_string()])
            .args(["-m", &calls.flight.calls_each.to_string(), "-D", &calls.seconds.to_string()])
            .arg("-d")
            .arg(&calls.pool.first)
            .args(["-H", "content-type: application/grpc", "-H", "te: trailers"]);
        for header in calls.headers {
            command.args(["-H", header]);
        }
        // With many calls in flight the log would cost the generator what it measures.
        let logs = calls.flight.connections * calls.flight.calls_each == 1;
        if logs {
            // h2load appends.
            let _ = std::fs::remove_file(&log);
            command.arg("--log-file").arg(&log);
        }
        command.arg(format!("http://{}/load.v1.{}", calls.address, calls.method));
        let output = command.output().context("h2load does not start: run scripts/setup load")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let noted = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "h2load failed:\n{said}\n{noted}");
        let mut slice = read(&said, calls.seconds).with_context(|| format!("h2load said:\n{said}"))?;
        let sent: u64 = noted
            .lines()
            .find_map(|line| line.strip_prefix("randkey: ")?.trim().parse().ok())
            .context("randkey was not in force")?;
        slice.distinct_keys = calls.pool.distinct(sent)?;
        if logs {
            slice.median_micros = median(times(&std::fs::read_to_string(&log)?)?);
        }
        Ok(slice)
    }
}

/// The summary, when every call was answered with a 2xx.
fn read(said: &str, seconds: u32) -> anyhow::Result<Slice> {
    let requests = numbers(said, "requests:")?;
    let statuses = numbers(said, "status codes:")?;
    let traffic = said.lines().find(|line| line.starts_with("traffic:")).context("no traffic")?;
    let data = traffic.split("(").last().and_then(|data| data.split(')').next()).context("no data")?;
    let [_, _, done, succeeded, failed, errored, timeout] = requests[..] else {
        anyhow::bail!("unknown requests line")
    };
    ensure!(done > 0 && succeeded == done && failed + errored + timeout == 0, "calls failed");
    // Answers that were cut off at the end have a status already.
    let good = statuses.first().copied().unwrap_or_default();
    ensure!(good >= done && statuses.iter().sum::<u64>() == good, "statuses other than 2xx");
    Ok(Slice {
        per_second: done as f64 / f64::from(seconds),
        answer_bytes: data.parse::<u64>()? as f64 / done as f64,
        distinct_keys: 0,
        median_micros: f64::NAN,
    })
}

fn numbers(said: &str, label: &str) -> anyhow::Result<Vec<u64>> {
    let line = said.lines().find_map(|line| line.strip_prefix(label)).context(label.to_owned())?;
    Ok(line.split_whitespace().filter_map(|word| word.parse().ok()).collect())
}

/// The third column of the log: microseconds until the answer was complete.
fn times(log: &str) -> anyhow::Result<Vec<f64>> {
    let time = |line: &str| line.split('\t').nth(2)?.parse().ok();
    log.lines().map(|line| time(line).context("h2load's log has another form")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
finished in 2.00s, 45000.00 req/s, 5.28MB/s
requests: 90000 total, 90032 started, 90000 done, 90000 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 90001 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 10.56MB (11070000) total, 1.54MB (1620000) headers (space savings 89.23%), 8.67MB (9090000) data
";

    #[test]
    fn a_summary_is_read() {
        let slice = read(SAID, 2).expect("a summary");
        assert_eq!((slice.per_second, slice.answer_bytes), (45000.0, 101.0));
    }

    #[test]
    fn one_failed_call_fails_the_slice() {
        assert!(read(&SAID.replace("90000 succeeded, 0 failed", "89999 succeeded, 1 failed"), 2).is_err());
        assert!(read(&SAID.replace("90001 2xx, 0 3xx, 0 4xx", "90000 2xx, 0 3xx, 1 4xx"), 2).is_err());
    }

    #[test]
    fn times_are_the_third_column() {
        assert_eq!(times("1\t200\t130\n2\t200\t150\n").expect("times"), [130.0, 150.0]);
    }
}
