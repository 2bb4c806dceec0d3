//! The command line → one command, its output and its exit code.

pub mod arguments;
pub mod banner;
pub mod exit;
pub mod explanation;
mod export;
pub mod report;
pub mod source;
pub mod tries;

use std::io::{self, Write as _};

pub use arguments::{Arguments, Command, Format};
pub use exit::Code;
pub use explanation::{Explained, Explanation};
pub use export::export;
pub use report::{Losses, MissingIndex, Report};
pub use source::Source;

use crate::{config, load};

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

/// The end of `rowcall explain`.
pub fn explain(explanation: &Explanation) -> io::Result<Code> {
    print(&explanation.to_string())?;
    Ok(Code::Done)
}

/// The code of a command that failed: what is missing on the command line or in the settings is usage.
pub fn code_of(error: &anyhow::Error) -> Code {
    if error.is::<source::Error>() {
        return Code::Usage;
    }
    match error.downcast_ref::<load::Error>() {
        Some(error) if error.unreachable() => Code::Unreachable,
        _ => Code::Failed,
    }
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
