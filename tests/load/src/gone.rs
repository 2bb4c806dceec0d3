//! A Rowcall whose collector is gone, and as many calls as an hour brings at a thousand a second → the memory that they leave behind.

use std::fs;

use anyhow::{Context as _, ensure};

use crate::h2load::{Calls, MANY};
use crate::keys::Keys;
use crate::server::Server;
use crate::side::{Method, Sample, plain};
use crate::stage::Stage;

const CALLS: f64 = 3_600_000.0;
const SLICE_SECONDS: u32 = 5;
/// What is slower at the end than it was in the beginning waits for somebody.
const SLOWER_MIN: f64 = 0.7;

/// In MiB.
pub fn measure(stage: &Stage, server: &Server) -> anyhow::Result<Sample> {
    let slice = || {
        stage.h2load.run(&Calls {
            address: server.address,
            method: Method::Get.name(),
            headers: &[],
            pool: Method::Get.pool(stage, Keys::Few),
            flight: MANY,
            seconds: SLICE_SECONDS,
        })
    };
    // Whatever is kept is kept by then, and the outboxes are full.
    let first = slice()?.per_second;
    let before = resident_mib(server.pid())?;
    let (mut called, mut last) = (0.0, first);
    while called < CALLS {
        last = slice()?.per_second;
        called += last * f64::from(SLICE_SECONDS);
    }
    ensure!(last >= first * SLOWER_MIN, "from {first:.0} to {last:.0} calls a second");
    Ok(plain((resident_mib(server.pid())? - before).max(0.0)))
}

fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("Linux says so")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}
