//! Who we are → who Postgres runs as: ourselves, or an unprivileged user when we are root.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tokio::process::Command;

use super::Error;

/// In this order; the first that exists.
const NAMES: [&str; 2] = ["postgres", "nobody"];

const PASSWD: &str = "/etc/passwd";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    /// We are root, so processes change to this user.
    changes: bool,
}

impl Account {
    pub(super) fn choose() -> Result<Account, Error> {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        if !uid.is_root() {
            return Ok(Account { name: String::new(), uid: uid.as_raw(), gid: gid.as_raw(), changes: false });
        }
        let passwd = fs::read_to_string(PASSWD).map_err(Error::io("read", PASSWD))?;
        NAMES.iter().find_map(|name| find(&passwd, name)).ok_or(Error::NoAccount)
    }

    /// Whether processes change to a user who cannot go where we can.
    pub(super) fn is_another(&self) -> bool {
        self.changes
    }

    /// A command that runs as this user, and knows nothing of the `PG…` variables that are meant for others.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        // Where we stand, this user may have no right to be.
        command.current_dir("/").env("HOME", "/").env("LC_ALL", "C").kill_on_drop(true);
        if self.changes {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Gives a path of ours to this user.
    pub(super) fn own(&self, path: &Path) -> Result<(), Error> {
        if !self.changes {
            return Ok(());
        }
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid)).map_err(Error::io("give away", path))
    }

    /// Whether this user may pass through every folder of a path, as far as it exists.
    pub(super) fn may_enter(&self, path: &Path) -> bool {
        path.ancestors().all(|folder| match fs::metadata(folder) {
            Ok(found) => {
                let class = match (found.uid() == self.uid, found.gid() == self.gid) {
                    (true, _) => 0o100,
                    (false, true) => 0o010,
                    (false, false) => 0o001,
                };
                found.mode() & class != 0
            }
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        })
    }
}

/// `name:password:uid:gid:…`
fn find(passwd: &str, name: &str) -> Option<Account> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    // Some systems write the highest ids as negative numbers.
    let id = |at| line.split(':').nth(at)?.parse::<i64>().ok().map(|id| id as u32);
    let (uid, gid) = (id(2)?, id(3)?);
    (uid != 0).then(|| Account { name: name.to_owned(), uid, gid, changes: true })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn stranger() -> Account {
        Account { name: "stranger".into(), uid: 4_000_000, gid: 4_000_000, changes: true }
    }

    #[test]
    fn a_user_is_found_by_name() {
        let passwd =
            "root:x:0:0::/root:/bin/sh\npostgres:x:101:104:a,b:/var/lib:/bin/sh\nnobody:*:-2:-2:::\n";
        let account = find(passwd, "postgres").expect("postgres");
        assert_eq!((account.uid, account.gid), (101, 104));
        assert_eq!(find(passwd, "nobody").expect("nobody").uid, u32::MAX - 1);
        assert_eq!(find(passwd, "root"), None);
        assert_eq!(find(passwd, "post"), None);
    }

    #[test]
    fn a_closed_folder_on_the_way_cannot_be_entered() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("inner/new");
        let set = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).expect("chmod");
        set(0o755);
        assert!(stranger().may_enter(&inner));
        set(0o750);
        assert!(!stranger().may_enter(&inner));
    }
}
