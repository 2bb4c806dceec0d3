//! The machine's folders → the newest Postgres among them that will do.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Account, Error, MAJOR_MIN};

/// Where packages put what they do not put on PATH. A star stands for part of one folder's name.
const PLACES: [&str; 9] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/libexec/postgresql*",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/opt/postgresql/*/bin",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub postgres: PathBuf,
    pub initdb: PathBuf,
    pub psql: PathBuf,
    pub version: Version,
}

/// The words after `postgres (PostgreSQL)`: 15.18, or 18beta1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub text: String,
    pub major: u32,
}

/// Finds the newest, or the one of the major version that a folder's data needs.
pub(super) async fn find(account: &Account, needs: Option<(u32, &Path)>) -> Result<Binaries, Error> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = folders(&path);
    if let Some(configured) = configured_folder(account, &path).await {
        folders.push(configured);
    }
    let mut found = Vec::new();
    for folder in &folders {
        if let Some(binaries) = inspect(account, folder, &folders).await
            && !found.contains(&binaries)
        {
            found.push(binaries);
        }
    }
    found.retain(|binaries| binaries.version.major >= MAJOR_MIN);
    let newest = found.iter().max_by_key(|binaries| binaries.version.major).cloned();
    match (newest, needs) {
        (None, _) => Err(Error::NotFound { looked: looked() }),
        (Some(newest), None) => Ok(newest),
        (Some(newest), Some((major, folder))) => found
            .into_iter()
            .find(|binaries| binaries.version.major == major)
            .ok_or_else(|| Error::OtherVersion { folder: folder.into(), major, found: newest.version.major }),
    }
}

/// What a person would have to look at.
fn looked() -> String {
    format!("PATH, pg_config --bindir, {}", PLACES.join(", "))
}

fn folders(path: &OsString) -> Vec<PathBuf> {
    let places = PLACES.iter().flat_map(|place| expand(place));
    std::env::split_paths(path).filter(|folder| folder.is_absolute()).chain(places).collect()
}

/// The folders that a path with at most one star stands for.
pub(super) fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![pattern.into()] };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or_default();
    let (suffix, rest) = after.split_once('/').unwrap_or((after, ""));
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let fits = |name: &String| name.starts_with(prefix) && name.ends_with(suffix);
    let mut found: Vec<PathBuf> =
        names.filter(fits).map(|name| Path::new(parent).join(name).join(rest)).collect();
    found.sort();
    found
}

async fn configured_folder(account: &Account, path: &OsString) -> Option<PathBuf> {
    let pg_config =
        std::env::split_paths(path).map(|folder| folder.join("pg_config")).find(|p| p.is_file())?;
    let output = account.command(&pg_config).arg("--bindir").output().await.ok()?;
    let folder = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    folder.is_absolute().then_some(folder)
}

/// What a folder has. Links are followed, because `postgres` and `initdb` find their files from where they really are.
async fn inspect(account: &Account, folder: &Path, others: &[PathBuf]) -> Option<Binaries> {
    let postgres = fs::canonicalize(folder.join("postgres")).ok()?;
    let initdb = postgres.with_file_name("initdb");
    let beside = postgres.with_file_name("psql");
    let elsewhere = || others.iter().map(|other| other.join("psql")).find(|psql| psql.is_file());
    let psql = if beside.is_file() { beside } else { elsewhere()? };
    let output = account.command(&postgres).arg("--version").output().await.ok()?;
    let version = version(&String::from_utf8(output.stdout).ok()?)?;
    initdb.is_file().then_some(Binaries { postgres, initdb, psql, version })
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-1)`
fn version(said: &str) -> Option<Version> {
    let text = said.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some(Version { text: text.to_owned(), major: text[..digits].parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_postgres_says() {
        let read = |said| version(said).map(|v| (v.major, v.text));
        assert_eq!(
            read("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some((15, "15.18".into()))
        );
        assert_eq!(read("postgres (PostgreSQL) 19beta1\n"), Some((19, "19beta1".into())));
        assert_eq!(read("something else"), None);
    }

    #[test]
    fn a_star_stands_for_part_of_a_name() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["pg@14/bin", "pg@17/bin", "other/bin"] {
            fs::create_dir_all(folder.path().join(name)).expect("a folder");
        }
        let pattern = format!("{}/pg@*/bin", folder.path().display());
        let found = expand(&pattern);
        assert_eq!(found, [folder.path().join("pg@14/bin"), folder.path().join("pg@17/bin")]);
        assert_eq!(expand("/nowhere/at/all/*/bin"), Vec::<PathBuf>::new());
    }
}
