//! The comparisons there are: a path, its sides, and the ratio that has to hold.

use crate::cluster::Database;
use crate::keys::Keys;
use crate::server::Program;
use crate::side::{Commit, Gzip, Method, Rows, Side};

/// A row of the table.
pub struct Line {
    pub path: &'static str,
    pub against: &'static str,
    pub ours: Side,
    /// Their values are added up; one, save for times that follow each other. None where ours is measured by itself.
    pub peer: Vec<Side>,
    /// That psql makes meanwhile, of keys by Zipf's law.
    pub updates_per_second: Option<u32>,
    pub floor: Floor,
    pub unit: &'static str,
}

/// What is asked of ours ÷ peer, or of ours where there is no peer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Floor {
    AtLeast(f64),
    /// For times, where less is better.
    AtMost(f64),
    Reported,
}

const UPDATES_PER_SECOND: u32 = 200;

const PLAIN: Gzip = Gzip::NotAskedFor;

pub fn all() -> Vec<Line> {
    let calls = |of, method, gzip| Side::Calls { of, method, gzip, keys: Keys::All };
    let rowcall = |method| calls(Program::Rowcall, method, PLAIN);
    let rowcall_telling = |of| calls(of, Method::Get, PLAIN);
    let written = |method| calls(Program::Written, method, PLAIN);
    let pgbench = |method| Side::Transactions { method };
    let line = |path, ours, (against, peer): (_, Side), floor| Line {
        path,
        against,
        ours,
        peer: vec![peer],
        updates_per_second: None,
        floor,
        unit: "calls/s",
    };
    let alone = |path, against, ours, floor, unit| Line {
        path,
        against,
        ours,
        peer: vec![],
        updates_per_second: None,
        floor,
        unit,
    };
    let kept = |of, method, keys, gzip| Side::Calls { of, method, gzip, keys };
    let zipf = |of| kept(of, Method::Get, Keys::Zipf, PLAIN);
    let tax = |path, rows, commit, floor| {
        let updates = |of| Side::Updates { rows, of, commit };
        let peer = ("without triggers", updates(Database::Plain));
        Line { unit: "transactions/s", ..line(path, updates(Database::Followed), peer, floor) }
    };
    let stream = |of| Side::Stream { of };
    let rows = |line: Line| Line { unit: "rows/s", ..line };
    vec![
        line(
            "Get, uncached",
            rowcall(Method::Get),
            ("bare tonic", calls(Program::Bare, Method::Get, PLAIN)),
            Floor::AtLeast(0.55),
        ),
        line(
            "Get, uncached",
            rowcall(Method::Get),
            ("hand-written", written(Method::Get)),
            Floor::AtLeast(1.8),
        ),
        line(
            "Get, uncached, joining off",
            calls(Program::RowcallNotJoining, Method::Get, PLAIN),
            ("hand-written", written(Method::Get)),
            Floor::AtLeast(0.95),
        ),
        line(
            "List of 1,000",
            rowcall(Method::List),
            ("pgbench", pgbench(Method::List)),
            Floor::AtLeast(0.70),
        ),
        line(
            "List of 1,000",
            rowcall(Method::List),
            ("hand-written", written(Method::List)),
            Floor::AtLeast(1.1),
        ),
        line(
            "List of 1,000, gzip",
            calls(Program::RowcallCompressing, Method::List, Gzip::AskedFor),
            ("hand-written, gzip", calls(Program::Written, Method::List, Gzip::AskedFor)),
            Floor::AtLeast(1.5),
        ),
        rows(line(
            "Stream of 1,000,000",
            stream(Program::Rowcall),
            ("hand-written", stream(Program::Written)),
            Floor::AtLeast(0.85),
        )),
        rows(line(
            "Stream of 1,000,000",
            stream(Program::Rowcall),
            ("COPY binary", Side::Copy),
            Floor::Reported,
        )),
        Line {
            path: "One call at a time",
            against: "pgbench + bare tonic",
            ours: Side::OneCall { of: Program::Rowcall },
            peer: vec![Side::OneTransaction, Side::OneCall { of: Program::Bare }],
            updates_per_second: None,
            floor: Floor::AtMost(1.35),
            unit: "µs, median",
        },
        line(
            "Relations of 100 rows",
            rowcall(Method::Orders),
            ("pgbench", pgbench(Method::Orders)),
            Floor::AtLeast(0.65),
        ),
        line(
            "Get from the cache",
            kept(Program::RowcallKeeping, Method::Get, Keys::Few, PLAIN),
            ("bare tonic", kept(Program::Bare, Method::Get, Keys::Few, PLAIN)),
            Floor::AtLeast(0.90),
        ),
        line(
            "List from the cache, gzip",
            kept(Program::RowcallKeepingCompressing, Method::List, Keys::Few, Gzip::AskedFor),
            ("bare tonic, same bytes", kept(Program::Bare, Method::List, Keys::Few, PLAIN)),
            Floor::AtLeast(0.85),
        ),
        line(
            "Get by Zipf",
            zipf(Program::RowcallKeepingLittle),
            ("bare tonic", zipf(Program::Bare)),
            Floor::AtLeast(0.75),
        ),
        Line {
            updates_per_second: Some(UPDATES_PER_SECOND),
            ..line(
                "Get by Zipf, 200 updates/s",
                zipf(Program::RowcallKeepingLittle),
                ("bare tonic", zipf(Program::Bare)),
                Floor::AtLeast(0.60),
            )
        },
        Line {
            updates_per_second: Some(UPDATES_PER_SECOND),
            ..alone("Zipf, updates, restarted", "its warm rate", Side::Restart, Floor::AtMost(10.0), "s")
        },
        line(
            "Get, uncached, telemetry",
            rowcall_telling(Program::RowcallTelling),
            ("telemetry off", rowcall(Method::Get)),
            Floor::AtLeast(0.95),
        ),
        line(
            "Get, cached, telemetry",
            kept(Program::RowcallKeepingTelling, Method::Get, Keys::Few, PLAIN),
            ("telemetry off", kept(Program::RowcallKeeping, Method::Get, Keys::Few, PLAIN)),
            Floor::AtLeast(0.95),
        ),
        line(
            "Get, uncached, all traces",
            rowcall_telling(Program::RowcallTellingAll),
            ("telemetry off", rowcall(Method::Get)),
            Floor::AtLeast(0.85),
        ),
        line(
            "Get, cached, all traces",
            kept(Program::RowcallKeepingTellingAll, Method::Get, Keys::Few, PLAIN),
            ("telemetry off", kept(Program::RowcallKeeping, Method::Get, Keys::Few, PLAIN)),
            Floor::AtLeast(0.85),
        ),
        line(
            "Get, cached, collector gone",
            kept(Program::RowcallKeepingUnheard, Method::Get, Keys::Few, PLAIN),
            ("telemetry off", kept(Program::RowcallKeeping, Method::Get, Keys::Few, PLAIN)),
            Floor::AtLeast(0.85),
        ),
        alone("Collector gone, 3.6 M calls", "", Side::Gone, Floor::AtMost(64.0), "MiB more"),
        alone("Feed at rest", "", Side::Rest, Floor::AtMost(1.0), "% of a core"),
        tax("Write tax, one row", Rows::One, Commit::Synchronous, Floor::AtLeast(0.75)),
        tax("Write tax, 1,000 rows", Rows::Thousand, Commit::Synchronous, Floor::AtLeast(0.90)),
        tax("Write tax, one row, async", Rows::One, Commit::Asynchronous, Floor::Reported),
        tax("Write tax, 1,000 rows, async", Rows::Thousand, Commit::Asynchronous, Floor::Reported),
    ]
}

impl Floor {
    pub fn holds(self, ratio: f64) -> bool {
        match self {
            Floor::AtLeast(least) => ratio >= least,
            Floor::AtMost(most) => ratio <= most,
            Floor::Reported => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_of_times_is_a_ceiling() {
        assert!(Floor::AtLeast(0.5).holds(0.5) && !Floor::AtLeast(0.5).holds(0.49));
        assert!(Floor::AtMost(1.35).holds(1.35) && !Floor::AtMost(1.35).holds(1.36));
        assert!(!Floor::AtLeast(0.5).holds(f64::NAN));
    }
}
