//! What was given, by name → typed values, with every problem in its place.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use super::sections::SETTINGS;
use super::value::{Raw, Value};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Environment(String),
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Environment(name) => f.write_str(name),
            Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// Something wrong with a setting, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub origin: Origin,
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.origin != Origin::Default {
            write!(f, "{}: ", self.origin)?;
        }
        f.write_str(&self.text)
    }
}

/// A value that someone gave.
#[derive(Debug, Clone)]
pub struct Given {
    pub origin: Origin,
    pub content: Content,
}

#[derive(Clone)]
pub enum Content {
    Value(Raw),
    /// The value is what this file holds.
    File(PathBuf),
}

/// Whether the text is a secret is not known here, so it is never shown.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Value(_) => f.write_str("Value(…)"),
            Content::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// Reads settings by name and remembers what was wrong.
pub struct Reader<'a> {
    pub given: &'a BTreeMap<&'static str, Given>,
    pub problems: Vec<Problem>,
}

impl Reader<'_> {
    /// None when the value is wrong; `outside` gives the range when the value is not in it.
    pub fn read<T: Value>(
        &mut self,
        name: &'static str,
        outside: impl FnOnce(&T) -> Option<String>,
    ) -> Option<T> {
        let (origin, raw) = match self.given.get(name) {
            None => (Origin::Default, default(name)),
            Some(given) => match content(&given.content) {
                Ok(raw) => (given.origin.clone(), raw),
                Err(text) => {
                    let text = format!("{name}: {text}");
                    self.problems.push(Problem { origin: given.origin.clone(), text });
                    return None;
                }
            },
        };
        let text = match T::read(&raw) {
            Some(value) => match outside(&value) {
                None => return Some(value),
                Some(range) => format!("{name}: {} is outside {range}", raw.text()),
            },
            None if T::SECRET => format!("{name}: expected {}", T::EXPECTED),
            None => format!("{name}: expected {}, got \"{}\"", T::EXPECTED, raw.text()),
        };
        self.problems.push(Problem { origin, text });
        None
    }
}

/// The default of a setting, as text.
pub fn default(name: &str) -> Raw {
    let text = SETTINGS.iter().find(|setting| setting.name == name).map_or("", |setting| setting.default);
    Raw::One(text.to_owned())
}

/// The value itself; of a file its lines, so that a list has one item per line.
fn content(content: &Content) -> Result<Raw, String> {
    let path = match content {
        Content::Value(raw) => return Ok(raw.clone()),
        Content::File(path) => path,
    };
    let text =
        fs::read_to_string(path).map_err(|cause| format!("cannot read {}: {cause}", path.display()))?;
    let mut lines: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    Ok(match lines.len() {
        1 => Raw::One(lines.remove(0)),
        0 => Raw::One(String::new()),
        _ => Raw::Many(lines),
    })
}
