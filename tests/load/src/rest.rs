//! A Rowcall that nobody calls → the part of a core that it and its sessions in Postgres take.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::check;
use crate::cluster::{Cluster, Database};
use crate::server::Server;
use crate::side::{Sample, plain};
use crate::stage::Stage;

/// How often a slice fits into the time that is measured: a minute, as it comes.
const SLICES: u32 = 20;

/// In percent.
pub fn measure(stage: &Stage, server: &Server, seconds: u32) -> anyhow::Result<Sample> {
    let sessions = sessions(&stage.cluster)?;
    ensure!(!sessions.is_empty(), "Rowcall has no session");
    let processes = || sessions.iter().copied().chain([server.pid()]);
    let taken = || processes().map(seconds_of).sum::<anyhow::Result<f64>>();
    let (begun, before) = (Instant::now(), taken()?);
    sleep(Duration::from_secs(1) * seconds * SLICES);
    let (after, time) = (taken()?, begun.elapsed().as_secs_f64());
    ensure!(self::sessions(&stage.cluster)? == sessions, "sessions have come and gone meanwhile");
    // Who had lost the feed would be at rest too.
    check::kept(stage, server)?;
    Ok(plain(100.0 * (after - before) / time))
}

/// The processes that serve Rowcall, of any kind: its feed's, and those of its pool.
fn sessions(cluster: &Cluster) -> anyhow::Result<Vec<u32>> {
    let pids = cluster.psql(
        Database::Followed,
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'rowcall' ORDER BY pid",
    )?;
    pids.lines().map(|pid| Ok(pid.parse()?)).collect()
}

/// What a process has taken of its cores, in its own name and in the kernel.
fn seconds_of(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = ticks(&stat).with_context(|| format!("/proc/{pid}/stat has another form: {stat}"))?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// The 14th and the 15th field; the second, a name in parentheses, may have anything in it.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194304 3128 0 0 0 70 30 5 6 20 0 5 0 1234";
        assert_eq!(ticks(stat), Some(100));
        assert_eq!(ticks("42 (cut off"), None);
    }
}
