//! A folder's name → a folder that is ours, locked, and reachable by who Postgres runs as.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use sha2::{Digest as _, Sha256};

use super::{Account, Error, socket};

/// Says whose folder it is; written first, so that a folder with anything in it has it.
const MARKER: &str = "ROWCALL";
const MARKER_TEXT: &str =
    "A data folder of `rowcall serve`. It may be removed while the server does not run.\n";

/// Where Postgres keeps what it keeps.
pub(super) const DATA: &str = "postgres";

const UNFINISHED: &str = "postgres.unfinished-";

/// Where data goes when the folder that was asked for cannot be reached.
const ELSEWHERE: &str = "/var/lib/rowcall";

/// Less than Postgres takes at a time: a segment of its log of changes.
const FREE_BYTES_MIN: u64 = 16 << 20;

pub(super) struct Folder {
    path: PathBuf,
    sockets: PathBuf,
    /// Held as long as the folder is in use.
    _lock: File,
}

impl Folder {
    pub(super) fn open(wanted: &Path, account: &Account) -> Result<Folder, Error> {
        Folder::take(wanted, account).map_err(|error| match error.says_denied() {
            true => Error::Denied { folder: wanted.into(), account: account.uid, source: Box::new(error) },
            false if error.says_full() => Error::Full { folder: wanted.into(), source: Box::new(error) },
            false => error,
        })
    }

    fn take(wanted: &Path, account: &Account) -> Result<Folder, Error> {
        let path = place(wanted, account)?;
        claim(&path)?;
        check_owner(&path, account)?;
        let lock = lock(&path)?;
        Ok(Folder { sockets: socket::folder(&path), path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path.join(DATA)
    }

    /// Becomes `data` in one step, once `initdb` has finished. Its name is never used again: the `initdb` of a
    /// server that was killed may still be writing.
    pub(super) fn new_unfinished_data(&self) -> PathBuf {
        self.path.join(format!("{UNFINISHED}{:016x}", rand::random::<u64>()))
    }

    /// Removes what no start has finished, as far as that goes: who still writes there will fail, and go.
    pub(super) fn remove_unfinished(&self) {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    pub(super) fn sockets(&self) -> &Path {
        &self.sockets
    }

    /// The major version of the data, when there are any.
    pub(super) fn major(&self) -> Result<Option<u32>, Error> {
        let path = self.data().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Io { action: "read", path, source }),
        }
    }

    /// Makes the folder of the socket, which nobody else may enter.
    pub(super) fn make_sockets(&self, account: &Account) -> Result<(), Error> {
        make_private(&self.sockets, account)?;
        let found = fs::symlink_metadata(&self.sockets).map_err(Error::io("look at", &self.sockets))?;
        match found.is_dir() && found.uid() == account.uid {
            true => Ok(()),
            false => Err(Error::NotOurs { folder: self.sockets.clone() }),
        }
    }

    /// Says so when the disk is full, which not every program that fails by it can write down.
    pub(super) fn explain(&self, error: Error) -> Error {
        let free = rustix::fs::statvfs(&self.path).map_or(u64::MAX, |disk| disk.f_bavail * disk.f_frsize);
        let silent = matches!(error, Error::Ended { .. } | Error::Late { .. } | Error::Failed { .. });
        match error.says_full() || silent && free < FREE_BYTES_MIN {
            true => Error::Full { folder: self.path.clone(), source: Box::new(error) },
            false => error,
        }
    }
}

impl Drop for Folder {
    /// A socket folder that stands elsewhere is not left behind.
    fn drop(&mut self) {
        if !self.sockets.starts_with(&self.path) {
            let _ = fs::remove_dir(&self.sockets);
        }
    }
}

/// Makes a folder for one user only, if it is not there.
pub(super) fn make_private(path: &Path, account: &Account) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => account.own(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(Error::Io { action: "make the folder", path: path.into(), source }),
    }
}

/// Finds a folder that the user can reach and makes it.
fn place(wanted: &Path, account: &Account) -> Result<PathBuf, Error> {
    let wanted = std::path::absolute(wanted).map_err(Error::io("find", wanted))?;
    match fs::symlink_metadata(&wanted) {
        // Before anything is made elsewhere: what stands there is ours, or could be.
        Ok(_) => check_ours(&wanted).and_then(|_| check_owner(&wanted, account))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io("find", wanted)(error)),
    }
    if !account.is_another() {
        make_path(&wanted, 0o700)?;
        return fs::canonicalize(&wanted).map_err(Error::io("find", wanted));
    }
    // Two folders that were asked for stay two.
    let name = digest(&wanted);
    let elsewhere = [
        wanted.clone(),
        Path::new(ELSEWHERE).join(&name),
        std::env::temp_dir().join(format!("rowcall-data-{name}")),
    ];
    for path in &elsewhere {
        if account.may_enter(path) && is_roots_or_new(path) && make_path(path, 0o755).is_ok() {
            if *path != wanted {
                let name = &account.name;
                tracing::warn!(
                    "{} cannot be reached by the user {name}; the data are in {}",
                    wanted.display(),
                    path.display()
                );
            }
            return fs::canonicalize(path).map_err(Error::io("find", path));
        }
    }
    let tried: Vec<String> = elsewhere.iter().map(|path| path.display().to_string()).collect();
    Err(Error::Unreachable { account: account.name.clone(), tried: tried.join(", ") })
}

/// In a folder that everybody may write to, someone else could have made ours.
fn is_roots_or_new(path: &Path) -> bool {
    fs::symlink_metadata(path)
        .map_or(true, |found| found.uid() == 0 || !path.starts_with(std::env::temp_dir()))
}

/// Makes what is missing, with this mode whatever the umask says.
fn make_path(path: &Path, mode: u32) -> Result<(), Error> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        fs::create_dir(folder).map_err(Error::io("make the folder", folder))?;
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(folder, permissions).map_err(Error::io("open up", folder))?;
    }
    Ok(())
}

/// Marks an empty folder as ours; refuses one that holds anything else.
fn claim(path: &Path) -> Result<(), Error> {
    let marker = path.join(MARKER);
    match check_ours(path)? {
        Found::Ours => Ok(()),
        Found::Empty => fs::write(&marker, MARKER_TEXT).map_err(Error::io("write", marker)),
    }
}

/// Postgres insists on data that are its user's.
fn check_owner(path: &Path, account: &Account) -> Result<(), Error> {
    match fs::metadata(path.join(DATA)) {
        Ok(data) if data.uid() != account.uid => {
            Err(Error::OtherOwner { folder: path.into(), owner: data.uid(), account: account.uid })
        }
        _ => Ok(()),
    }
}

enum Found {
    Ours,
    Empty,
}

fn check_ours(path: &Path) -> Result<Found, Error> {
    let not_ours = || Error::NotOurs { folder: path.into() };
    if !path.is_dir() {
        return Err(not_ours());
    }
    if path.join(MARKER).is_file() {
        return Ok(Found::Ours);
    }
    match fs::read_dir(path).map_err(Error::io("read", path))?.next() {
        None => Ok(Found::Empty),
        Some(_) => Err(not_ours()),
    }
}

/// Ends with the process, however that ends.
fn lock(path: &Path) -> Result<File, Error> {
    let at = path.join("lock");
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&at);
    let mut file = file.map_err(Error::io("open", &at))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            // For who is refused to read; without room for it, they do without.
            let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
            Ok(file)
        }
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            Err(Error::Running { folder: path.into(), process: text.trim().parse().ok() })
        }
        Err(error) => Err(Error::Io { action: "lock", path: at, source: error.into() }),
    }
}

/// A short name that is another for another path.
pub(super) fn digest(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_becomes_ours_and_stays_it() {
        let folder = tempfile::tempdir().expect("a folder");
        claim(folder.path()).expect("empty");
        fs::write(folder.path().join("more"), "").expect("a file");
        claim(folder.path()).expect("ours");
    }

    #[test]
    fn a_folder_of_others_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("thesis.txt"), "").expect("a file");
        let error = claim(folder.path()).expect_err("not ours");
        assert!(error.to_string().contains("is not a data folder of this server"), "{error}");
        let file = folder.path().join("thesis.txt");
        assert!(matches!(claim(&file), Err(Error::NotOurs { .. })));
    }

    #[test]
    fn a_folder_is_locked_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let held = lock(folder.path()).expect("the first");
        let process = Some(std::process::id());
        let refused = lock(folder.path());
        assert!(matches!(refused, Err(Error::Running { process: by, .. }) if by == process));
        drop(held);
        lock(folder.path()).expect("free again");
    }
}
