//! A folder → a Postgres of our own that runs in it, for trying things out.
//!
//! ```text
//! folder ── place, claim, lock ──► ours ── stop an orphan ──► quiet ── initdb, if new ──► data
//!   data ── postgres, until it says ready ──► running ── load, if not loaded ──► Embedded
//! ```
//!
//! Each step can be killed and done again: `initdb` works in a folder of a new name that is renamed when it has finished, the load is one
//! transaction, the lock ends with the process, and a Postgres that outlives us, or what is left of one that was killed,
//! is stopped by the next start. It listens on a Unix socket only, in a folder that only its user (and root) may enter.

mod account;
mod binaries;
mod error;
pub mod example;
mod folder;
mod load;
mod name;
mod orphan;
mod server;
mod socket;

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use tokio::sync::watch;

use account::Account;
use binaries::Binaries;
pub use error::Error;
pub use example::example;
use folder::Folder;
use load::{Loaded, Psql};
use name::Name;
use server::Server;

/// The oldest Postgres that will do: `initdb` options and multiranges are of it.
pub const MAJOR_MIN: u32 = 14;

/// Both the database's owner and who connects.
const ROLE: &str = "rowcall";
const DATABASE: &str = "example";

/// How long another's lock of the folder is waited for.
const LOCK_MAX: Duration = Duration::from_secs(1);

/// How often a state that nothing announces is looked at.
const POLL: Duration = Duration::from_millis(20);

#[derive(Debug, Clone)]
pub struct Settings {
    /// Made when it is not there. As root it may be elsewhere: see `Embedded::folder`.
    pub folder: PathBuf,
    /// SQL that fills the database, once.
    pub load: Cow<'static, str>,
    /// How long Postgres may take until it accepts connections; recovery after a crash included.
    pub start_max: Duration,
    /// How long a fast shutdown may take until it is cut.
    pub stop_max: Duration,
}

/// A Postgres that runs. Dropped, it is told to stop, but not waited for.
pub struct Embedded {
    server: Server,
    folder: Folder,
    version: String,
    stop_max: Duration,
}

/// Starts it, filled. What cannot be done says what to do.
pub async fn start(settings: Settings) -> Result<Embedded, Error> {
    let account = Account::choose()?;
    let name = match settings.folder.join(folder::DATA).exists() {
        true => Name::Known,
        // Asked before anything is made: without one, nothing can be.
        false => Name::find(&account).await?,
    };
    let folder = open(&settings.folder, &account).await?;
    let major = folder.major()?;
    let binaries = binaries::find(&account, major.map(|major| (major, folder.path()))).await?;
    let log = orphan::stop(&folder).await?;
    folder.remove_unfinished();
    if major.is_none() {
        let made = initialise(&binaries, &account, &name, &folder).await;
        made.map_err(|error| {
            folder.remove_unfinished();
            folder.explain(error)
        })?;
    }
    let server = Server::run(&binaries, &account, &folder, log, settings.start_max).await;
    let server = server.map_err(|error| folder.explain(error))?;
    let psql = Psql { binaries: &binaries, account: &account, folder: &folder };
    match load::load(&psql, &settings.load).await {
        Ok(Loaded::Before) => {}
        Ok(Loaded::Now) => tracing::info!("filled the example database"),
        Err(error) => {
            let error = folder.explain(error);
            server.stop(settings.stop_max).await;
            return Err(error);
        }
    }
    Ok(Embedded { server, folder, version: binaries.version.text, stop_max: settings.stop_max })
}

/// A process that is being started elsewhere in this one holds our locks until it becomes its own,
/// and one that was killed may take a moment to go: so a folder counts as taken only when it stays so.
async fn open(folder: &Path, account: &Account) -> Result<Folder, Error> {
    let late = Instant::now() + LOCK_MAX;
    loop {
        match Folder::open(folder, account) {
            Err(Error::Running { .. }) if Instant::now() < late => tokio::time::sleep(POLL).await,
            opened => return opened,
        }
    }
}

/// Makes a cluster; one that is left half-made is made again.
async fn initialise(
    binaries: &Binaries,
    account: &Account,
    name: &Name,
    folder: &Folder,
) -> Result<(), Error> {
    let unfinished = folder.new_unfinished_data();
    if folder.data().exists() {
        fs::remove_dir_all(folder.data()).map_err(Error::io("remove", folder.data()))?;
    }
    tracing::info!("making a PostgreSQL {} cluster in {}", binaries.version.text, folder.path().display());
    folder::make_private(&unfinished, account)?;
    let mut command = name.command(account, &binaries.initdb, folder)?;
    command.arg("-D").arg(&unfinished).args(["-U", ROLE, "-A", "trust", "-E", "UTF8", "--locale=C"]);
    command.args(["--no-instructions", "--no-sync"]);
    let output = command.output().await.map_err(Error::io("run", &binaries.initdb))?;
    load::said("initdb", &output)?;
    fs::rename(&unfinished, folder.data()).map_err(Error::io("finish", unfinished))
}

impl Embedded {
    /// What libpq connects by.
    pub fn url(&self) -> String {
        let host = percent_encode(self.folder.sockets().as_os_str().as_encoded_bytes(), NON_ALPHANUMERIC);
        format!("postgresql://{ROLE}@/{DATABASE}?host={host}&port=5432")
    }

    /// As Postgres says it: `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where the data really are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What Postgres itself says.
    pub fn log(&self) -> PathBuf {
        self.folder.log()
    }

    /// Ends when Postgres has ended, and says how.
    pub fn exited(&self) -> impl Future<Output = String> + Send + use<> {
        wait(self.server.exit())
    }

    /// Fast shutdown, within its limit; then the folder is free.
    pub async fn stop(self) {
        self.server.stop(self.stop_max).await;
    }
}

async fn wait(mut exit: watch::Receiver<Option<String>>) -> String {
    match exit.wait_for(Option::is_some).await {
        Ok(how) => how.clone().unwrap_or_default(),
        Err(_) => "its watch ended".to_owned(),
    }
}
