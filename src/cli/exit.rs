//! How a command ended → the exit code that its help promises.

use std::process::ExitCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Done = 0,
    Failed = 1,
    /// The command line or a setting is wrong; clap uses the same.
    Usage = 2,
    /// The database cannot be reached.
    Unreachable = 3,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        ExitCode::from(code as u8)
    }
}
