//! A user id, as containers give them → a way for `initdb` to find the name that it insists on.
//!
//! Only `initdb` asks. `postgres` and `psql` do without.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::{Account, Error, ROLE, binaries::expand, folder::Folder};

/// Where packages put the library that answers for the system's list of users.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/*/libnss_wrapper.so",
    "/usr/lib64/libnss_wrapper.so",
    "/usr/lib/libnss_wrapper.so",
    "/usr/local/lib/libnss_wrapper.so",
];

/// The user that every system names: `nobody`.
const NAMED: u32 = 65_534;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// The system has one, or has no `id` to ask.
    Known,
    /// From a list of our own.
    Listed { library: PathBuf },
    /// In a namespace where the id is another's, who has one.
    Mapped,
}

impl Name {
    pub(super) async fn find(account: &Account) -> Result<Name, Error> {
        if account.is_another() || !refuses(account.command(Path::new("id"))).await {
            return Ok(Name::Known);
        }
        let library = LIBRARIES.iter().flat_map(|place| expand(place)).find(|path| path.is_file());
        if let Some(library) = library {
            return Ok(Name::Listed { library });
        }
        match refuses(mapped(account, Path::new("id"))).await {
            true => Err(Error::NoName { account: account.uid, group: account.gid }),
            false => Ok(Name::Mapped),
        }
    }

    /// A command that finds it.
    pub(super) fn command(
        &self,
        account: &Account,
        program: &Path,
        folder: &Folder,
    ) -> Result<Command, Error> {
        match self {
            Name::Known => Ok(account.command(program)),
            Name::Mapped => Ok(mapped(account, program)),
            Name::Listed { library } => {
                let (users, groups) = (folder.path().join("passwd"), folder.path().join("group"));
                let (uid, gid) = (account.uid, account.gid);
                let user = format!("{ROLE}:x:{uid}:{gid}::/:/bin/false\n");
                fs::write(&users, user).map_err(Error::io("write", &users))?;
                fs::write(&groups, format!("{ROLE}:x:{gid}:\n")).map_err(Error::io("write", &groups))?;
                let mut command = account.command(program);
                command.env("LD_PRELOAD", library);
                command.env("NSS_WRAPPER_PASSWD", users).env("NSS_WRAPPER_GROUP", groups);
                Ok(command)
            }
        }
    }
}

fn mapped(account: &Account, program: &Path) -> Command {
    let mut command = account.command(Path::new("unshare"));
    command.arg("--user").arg(format!("--map-user={NAMED}")).arg(format!("--map-group={NAMED}"));
    command.arg("--").arg(program);
    command
}

/// Whether a command that leads to `id` finds no name.
async fn refuses(mut id: Command) -> bool {
    match id.arg("-un").output().await {
        Ok(output) => !output.status.success(),
        Err(_) => id.as_std().get_program() != "id",
    }
}
