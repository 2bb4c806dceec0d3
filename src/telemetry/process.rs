//! The process as the kernel sees it: time, memory, file descriptors, and what it may have of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use procfs::process::{LimitValue, Process};
use procfs::{Current as _, Meminfo, WithCurrentSystemInfo as _};

use super::{Telemetry, instruments};

const GROUPS: &str = "/sys/fs/cgroup";

pub fn watch(telemetry: &Telemetry) {
    let started = Instant::now();
    telemetry.watch(&instruments::UPTIME, move |tell| {
        tell(uptime().unwrap_or_else(|| started.elapsed().as_secs_f64()), &[])
    });
    telemetry.watch(&instruments::BUILD_INFO, |tell| tell(1.0, &[env!("CARGO_PKG_VERSION")]));
    telemetry.watch(&instruments::MEMORY, |tell| {
        if let Some(stat) = myself().and_then(|process| process.stat().ok()) {
            tell(stat.rss_bytes().get() as f64, &[]);
        }
    });
    telemetry.watch(&instruments::MEMORY_LIMIT, |tell| {
        if let Some(limit) = memory_limit() {
            tell(limit as f64, &[]);
        }
    });
    telemetry.watch(&instruments::CPU, |tell| {
        if let Some(stat) = myself().and_then(|process| process.stat().ok()) {
            let ticks = procfs::ticks_per_second() as f64;
            tell(stat.utime as f64 / ticks, &["user"]);
            tell(stat.stime as f64 / ticks, &["system"]);
        }
    });
    telemetry.watch(&instruments::FILES, |tell| {
        if let Some(count) = myself().and_then(|process| process.fd_count().ok()) {
            tell(count as f64, &[]);
        }
    });
    telemetry.watch(&instruments::FILES_LIMIT, |tell| {
        let limits = myself().and_then(|process| process.limits().ok());
        if let Some(LimitValue::Value(limit)) = limits.map(|limits| limits.max_open_files.soft_limit) {
            tell(limit as f64, &[]);
        }
    });
}

fn myself() -> Option<Process> {
    Process::myself().ok()
}

fn uptime() -> Option<f64> {
    let began = myself()?.stat().ok()?.starttime as f64 / procfs::ticks_per_second() as f64;
    Some((procfs::Uptime::current().ok()?.uptime - began).max(0.0))
}

/// What the control group allows, where it does and that is less than there is.
fn memory_limit() -> Option<u64> {
    let machine = Meminfo::current().ok()?.mem_total;
    let group = group().and_then(|group| limit_of(Path::new(GROUPS), &group));
    Some(group.map_or(machine, |limit| limit.min(machine)))
}

/// Its path below the mount: version 2 has one hierarchy, of version 1 memory's is meant.
fn group() -> Option<PathBuf> {
    let groups = myself()?.cgroups().ok()?;
    let of_memory = |controllers: &[String]| {
        controllers.iter().all(String::is_empty) || controllers.iter().any(|name| name == "memory")
    };
    let group = groups.0.into_iter().find(|group| of_memory(&group.controllers))?;
    Some(PathBuf::from(group.pathname.trim_start_matches('/')))
}

/// The least that the group and those it is in allow. In a container the group's own path may not be mounted; its
/// limit is then at the top.
fn limit_of(mount: &Path, group: &Path) -> Option<u64> {
    let files = |folder: &Path| {
        [
            mount.join(folder).join("memory.max"),
            mount.join("memory").join(folder).join("memory.limit_in_bytes"),
        ]
    };
    let read = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    group.ancestors().flat_map(files).filter_map(read).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_on_the_way_up_counts() {
        let mount = tempfile::tempdir().unwrap();
        let inner = mount.path().join("pod/container");
        fs::create_dir_all(&inner).unwrap();
        let limit = || limit_of(mount.path(), Path::new("pod/container"));
        assert_eq!(limit(), None);
        fs::write(inner.join("memory.max"), "max\n").unwrap();
        assert_eq!(limit(), None);
        fs::write(mount.path().join("pod/memory.max"), "1000\n").unwrap();
        assert_eq!(limit(), Some(1000));
        fs::write(inner.join("memory.max"), "500\n").unwrap();
        assert_eq!(limit(), Some(500));
        assert_eq!(limit_of(mount.path(), Path::new("elsewhere")), None);
        fs::create_dir_all(mount.path().join("memory")).unwrap();
        fs::write(mount.path().join("memory/memory.limit_in_bytes"), "700\n").unwrap();
        assert_eq!(limit_of(mount.path(), Path::new("elsewhere")), Some(700));
    }

    #[test]
    fn the_process_says_what_it_has() {
        let stat = myself().unwrap().stat().unwrap();
        assert!(stat.rss_bytes().get() > 1_000_000);
        assert!(memory_limit().unwrap() >= stat.rss_bytes().get());
        assert!(uptime().unwrap() >= 0.0);
    }
}
