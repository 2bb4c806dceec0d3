//! A script of SQL → transactions a second, or the median time of one, by `pgbench -M prepared` over TCP.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};

use crate::cluster::{Cluster, Database};
use crate::pairs::median;

/// What pgbench runs.
pub struct Script {
    pub file: PathBuf,
    /// `-D name=value`: variables that are not numbers.
    pub variables: Vec<(String, String)>,
}

/// Where it runs it.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub cluster: &'a Cluster,
    pub database: Database,
    /// Of its sessions: `-c name=value`.
    pub options: &'a str,
}

impl<'a> Place<'a> {
    pub fn plain(cluster: &'a Cluster) -> Self {
        Place { cluster, database: Database::Plain, options: "" }
    }
}

pub struct Pgbench {
    /// Where its logs may be.
    pub folder: PathBuf,
}

impl Pgbench {
    pub fn per_second(
        &self,
        place: Place<'_>,
        script: &Script,
        clients: u32,
        seconds: u32,
    ) -> anyhow::Result<f64> {
        read(&self.run(place, script, clients, seconds, &[])?)
    }

    pub fn median_micros(&self, cluster: &Cluster, script: &Script, seconds: u32) -> anyhow::Result<f64> {
        let prefix = self.folder.join("transactions");
        let log_prefix = format!("--log-prefix={}", prefix.display());
        self.remove_logs()?;
        self.run(Place::plain(cluster), script, 1, seconds, &["-l", &log_prefix])?;
        let log = self.logs()?.pop().context("pgbench wrote no log")?;
        let times = times(&fs::read_to_string(log)?)?;
        self.remove_logs()?;
        Ok(median(times))
    }

    fn run(
        &self,
        place: Place<'_>,
        script: &Script,
        clients: u32,
        seconds: u32,
        more: &[&str],
    ) -> anyhow::Result<String> {
        let Place { cluster, database, options } = place;
        let mut command = cluster.program("pgbench");
        command.env("PGOPTIONS", options);
        command.args(["-n", "-M", "prepared", "-j", "1", "-c", &clients.to_string()]);
        command.args(["-T", &seconds.to_string()]).args(more);
        command.arg("-f").arg(&script.file);
        for (name, value) in &script.variables {
            command.args(["-D", &format!("{name}={value}")]);
        }
        let output = command.arg(database.name()).output().context("pgbench does not start")?;
        let noted = String::from_utf8_lossy(&output.stderr);
        // Every client says the same.
        let noted: Vec<&str> = noted.lines().take(3).collect();
        ensure!(output.status.success(), "pgbench failed: {}", noted.join("; "));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// pgbench names them `PREFIX.PID`.
    fn logs(&self) -> anyhow::Result<Vec<PathBuf>> {
        let files = fs::read_dir(&self.folder)?.flatten().map(|file| file.path());
        Ok(files.filter(|file| file.file_stem().is_some_and(|stem| stem == "transactions")).collect())
    }

    fn remove_logs(&self) -> anyhow::Result<()> {
        self.logs()?.into_iter().try_for_each(fs::remove_file)?;
        Ok(())
    }
}

fn read(said: &str) -> anyhow::Result<f64> {
    let said_line = |start| said.lines().find_map(|line: &str| line.strip_prefix(start));
    let tps = said_line("tps = ").and_then(|tps| tps.split(' ').next()).context("pgbench said no tps")?;
    let failed = said_line("number of failed transactions: ").unwrap_or("0");
    ensure!(failed.starts_with('0'), "pgbench: failed transactions: {failed}");
    Ok(tps.parse()?)
}

/// The third column of the log: microseconds of a transaction.
fn times(log: &str) -> anyhow::Result<Vec<f64>> {
    let time = |line: &str| line.split(' ').nth(2)?.parse().ok();
    log.lines().map(|line| time(line).context("pgbench's log has another form")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_a_second_are_read_unless_some_failed() {
        let said =
            "number of failed transactions: 0 (0.000%)\ntps = 123.5 (without initial connection time)\n";
        assert_eq!(read(said).expect("tps"), 123.5);
        assert!(read(&said.replace("transactions: 0", "transactions: 1")).is_err());
    }

    #[test]
    fn times_are_the_third_column() {
        assert_eq!(times("0 1 200 0 1763834000 1\n0 2 150 0 1763834000 2\n").expect("times"), [200.0, 150.0]);
    }
}
