//! Rowcall's process, from outside: what it holds, and whether it lives.

use std::fmt::{self, Display};
use std::fs;

use rustix::process::Pid;

/// The most of each that was seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peak {
    pub memory_kib: u64,
    pub descriptors: u64,
    pub threads: u64,
}

impl Peak {
    pub fn max(self, other: Peak) -> Peak {
        Peak {
            memory_kib: self.memory_kib.max(other.memory_kib),
            descriptors: self.descriptors.max(other.descriptors),
            threads: self.threads.max(other.threads),
        }
    }
}

impl Display for Peak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Peak { memory_kib, descriptors, threads } = self;
        write!(f, "{} MiB resident, {descriptors} descriptors, {threads} threads", memory_kib / 1024)
    }
}

/// None: the process has ended.
pub fn sample(id: Pid) -> Option<Peak> {
    let folder = format!("/proc/{}", id.as_raw_nonzero());
    let status = fs::read_to_string(format!("{folder}/status")).ok()?;
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    // One that nobody has waited for has no memory any more.
    Some(Peak {
        memory_kib: line("VmRSS:")?,
        descriptors: fs::read_dir(format!("{folder}/fd")).ok()?.count() as u64,
        threads: line("Threads:")?,
    })
}
