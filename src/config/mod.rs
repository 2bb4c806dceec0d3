//! Flags over environment over `rowcall.toml` over defaults → a `Config`, or every problem at once.
//!
//! A setting is declared once, in `sections`.

mod declare;
mod print;
mod reader;
mod sections;
mod sources;
mod value;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

pub use declare::Setting;
pub use print::{in_force, table};
use reader::Reader;
pub use reader::{Given, Origin, Problem};
pub use sections::*;
pub use sources::FILE_VARIABLE;
use sources::Sources;
pub use value::{Form, Key, LogFormat, Pooler, Secret, Size, Urls};

/// The settings file that is read when it is there and no other is named.
pub const FILE: &str = "rowcall.toml";

/// Everything a configuration is made from.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The settings file; it must exist.
    pub file: Option<PathBuf>,
    pub environment: Vec<(OsString, OsString)>,
    /// The flag, the setting's name and the text, in the order given; the last wins.
    pub flags: Vec<(&'static str, String, String)>,
}

/// A configuration, and who gave what.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    /// By the setting's name; what is not here is the default.
    pub given: BTreeMap<&'static str, Given>,
}

/// Everything that is wrong with the settings.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct Error {
    pub problems: Vec<Problem>,
}

/// Reads all sources.
pub fn load(inputs: Inputs) -> Result<Loaded, Error> {
    let mut sources = Sources::default();
    if let Some(path) = &inputs.file {
        read_file(&mut sources, path);
    }
    sources.environment(inputs.environment);
    for (flag, name, text) in inputs.flags {
        sources.flag(flag, &name, text);
    }

    let mut reader = Reader { given: &sources.given, problems: sources.problems };
    let config = Config::read(&mut reader);
    let mut problems = reader.problems;
    if let Some(config) = &config {
        problems.extend(contradictions(config));
    }
    match config {
        Some(config) if problems.is_empty() => Ok(Loaded { config, given: sources.given }),
        _ => Err(Error { problems }),
    }
}

impl Config {
    /// The configuration of someone who set nothing.
    pub fn defaults() -> Result<Self, Error> {
        let mut reader = Reader { given: &BTreeMap::new(), problems: Vec::new() };
        Config::read(&mut reader).ok_or(Error { problems: reader.problems })
    }
}

fn read_file(sources: &mut Sources, path: &Path) {
    match fs::read_to_string(path) {
        Ok(text) => sources.file(path, &text),
        Err(cause) => {
            let text = format!("cannot read the settings file {}: {cause}", path.display());
            sources.problems.push(Problem { origin: Origin::Default, text });
        }
    }
}

/// Settings that are right alone and wrong together.
fn contradictions(config: &Config) -> Vec<Problem> {
    let Config { listener, postgres, replicas, redis, pages, limits, .. } = config;
    let rules = [
        (
            listener.tls_certificate.is_some() != listener.tls_key.is_some(),
            "listener.tls_certificate and listener.tls_key: one needs the other",
        ),
        (
            listener.tls_client_authorities.is_some() && listener.tls_certificate.is_none(),
            "listener.tls_client_authorities: needs listener.tls_certificate and listener.tls_key",
        ),
        (
            postgres.lifetime_jitter >= postgres.lifetime,
            "postgres.lifetime_jitter: must be shorter than postgres.lifetime",
        ),
        (replicas.connections_max == Some(0), "replicas.connections_max: 0 is outside 1.."),
        (
            redis.tls_certificate.is_some() != redis.tls_key.is_some(),
            "redis.tls_certificate and redis.tls_key: one needs the other",
        ),
        (pages.size_default > pages.size_max, "pages.size_default: more than pages.size_max"),
        (
            pages.bytes_max > limits.message_bytes_max,
            "pages.bytes_max: a page must fit a message, limits.message_bytes_max",
        ),
    ];
    let broken = rules.into_iter().filter(|(broken, _)| *broken);
    broken.map(|(_, text)| Problem { origin: Origin::Default, text: text.to_owned() }).collect()
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
