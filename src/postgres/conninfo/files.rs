//! Files libpq looks into: services, passwords, and who we are.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::parse::Pairs;

/// A section of `pg_service.conf`.
pub(super) fn service(path: &Path, name: &str) -> Option<Result<Pairs, String>> {
    let text = fs::read_to_string(path).ok()?;
    let header = format!("[{name}]");
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != header);
    lines.next()?;
    let section = lines.take_while(|line| !line.starts_with('['));
    let section = section.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = section.map(|line| {
        let (key, value) = line
            .split_once('=')
            .ok_or_else(|| format!("{}: a line of {header} has no `=`", path.display()))?;
        Ok((key.trim_end().to_owned(), value.trim_start().to_owned()))
    });
    Some(pairs.collect())
}

/// The password of the first fitting line of a password file; one that others may read is ignored.
pub(super) fn password(path: &Path, wanted: [&str; 4]) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.mode() & 0o077 != 0 {
        return None;
    }
    let text = fs::read_to_string(path).ok()?;
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = split(line);
        let fits = fields.len() == 5
            && fields.iter().zip(wanted).all(|(field, wanted)| field.0 == wanted || field.1 == "*");
        fits.then(|| fields.swap_remove(4).0)
    })
}

/// Fields between unescaped colons: without their escapes, and as written. The last takes the rest.
fn split(line: &str) -> Vec<(String, String)> {
    let mut fields = vec![(String::new(), String::new())];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == ':' && fields.len() < 5 {
            fields.push((String::new(), String::new()));
            continue;
        }
        let Some((value, written)) = fields.last_mut() else { continue };
        written.push(character);
        let escaped = if character == '\\' { characters.next() } else { None };
        written.extend(escaped);
        value.push(escaped.unwrap_or(character));
    }
    fields
}

/// The name of the user this process runs as.
pub(super) fn system_user() -> Option<String> {
    let id = rustix::process::geteuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    })
}
