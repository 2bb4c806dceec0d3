//! Why a Postgres of our own does not run, and what to do about it.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "no PostgreSQL {MAJOR_MIN} or newer was found on this machine; looked in {looked}\n\
         install it (Debian, Ubuntu: apt install postgresql; Fedora: dnf install postgresql-server; \
         macOS: brew install postgresql), put its bin folder on PATH, or give --database a server that runs",
        MAJOR_MIN = super::MAJOR_MIN
    )]
    NotFound { looked: String },
    #[error(
        "PostgreSQL refuses to run as root, and this machine has neither a user postgres nor nobody: \
         run this as another user"
    )]
    NoAccount,
    #[error("{folder} is not a data folder of this server: name another folder, or one that is empty")]
    NotOurs { folder: PathBuf },
    #[error(
        "the user id {account} has no name on this machine, which PostgreSQL's initdb insists on: add the line \
         `rowcall:x:{account}:{group}::/:/bin/false` to /etc/passwd, install libnss-wrapper, or give --database a server \
         that runs"
    )]
    NoName { account: u32, group: u32 },
    #[error("{folder} is in use: another server{by} runs there; stop it, or name another folder",
        by = process.map(|process| format!(" (process {process})")).unwrap_or_default())]
    Running { folder: PathBuf, process: Option<u32> },
    #[error(
        "{folder} holds data of PostgreSQL {major}, which this machine does not have: install it, \
         or remove the folder to begin again with PostgreSQL {found}"
    )]
    OtherVersion { folder: PathBuf, major: u32, found: u32 },
    #[error(
        "{folder} belongs to the user with id {owner}, but PostgreSQL would run as the one with id {account}: \
         remove the folder to begin again, or name another"
    )]
    OtherOwner { folder: PathBuf, owner: u32, account: u32 },
    #[error("no folder can be reached by the user {account}: tried {tried}")]
    Unreachable { account: String, tried: String },
    #[error(
        "{folder} cannot be used by the user with id {account}: give it to that user, or name another folder"
    )]
    Denied { folder: PathBuf, account: u32, source: Box<Error> },
    #[error("the disk of {folder} is full: make room there, or name another folder, and start again")]
    Full { folder: PathBuf, source: Box<Error> },
    #[error("cannot {action} {path}")]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{program} failed: {said}")]
    Failed { program: &'static str, said: String },
    #[error("PostgreSQL ended while it was starting; {log} ends with: {said}")]
    Ended { log: PathBuf, said: String },
    #[error("PostgreSQL was not ready after {seconds} s; see {log}")]
    Late { seconds: u64, log: PathBuf },
    #[error("a PostgreSQL left running in {folder} by a killed server{by} does not stop: kill it",
        by = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Orphan { folder: PathBuf, pid: Option<i32> },
}

/// What Postgres' programs say in the C locale.
const FULL: &str = "No space left on device";

impl Error {
    /// Whether there was no room for something, as far as it was said.
    pub(super) fn says_full(&self) -> bool {
        match self {
            Error::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Error::Failed { said, .. } | Error::Ended { said, .. } => said.contains(FULL),
            _ => false,
        }
    }

    /// Whether we, or who Postgres runs as, may not do something.
    pub(super) fn says_denied(&self) -> bool {
        matches!(self, Error::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Names what was tried, for `map_err`.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { action, path, source }
    }
}
