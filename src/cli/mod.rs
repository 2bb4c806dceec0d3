//! The command line → one command, its output and its exit code.

pub mod arguments;
pub mod banner;
pub mod exit;
pub mod report;
pub mod source;

use std::io::{self, Write as _};

pub use arguments::{Arguments, Command, Format};
pub use exit::Code;
pub use report::{Losses, MissingIndex, Report};
pub use source::Source;

use crate::config;

/// `rowcall config`.
pub fn config(loaded: &config::Loaded) -> io::Result<Code> {
    print(&config::in_force(&loaded.given))?;
    Ok(Code::Done)
}

/// The end of `rowcall check`: the report, and the code that it means.
pub fn check(report: &Report, check: &arguments::Check) -> io::Result<Code> {
    let losses = if check.strict { Losses::Counted } else { Losses::Told };
    print(&report.render(check.format, losses))?;
    Ok(report.code(losses))
}

/// Writes to standard output, with colours only when it is a terminal and NO_COLOR is not set.
/// A reader that has gone, as `head` does, is no failure.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
