//! Flags, environment and `rowcall.toml` → what was given for each setting, and by whom.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::declare::{self, Setting};
use super::reader::{Content, Given, Origin, Problem};
use super::sections::SETTINGS;
use super::value::Raw;

/// Names other than `ROWCALL_…` that the environment may use.
const ALIASES: &[(&str, &str)] = &[("DATABASE_URL", "postgres.url")];

/// The variable that names the settings file; the command line reads it.
pub const FILE_VARIABLE: &str = "ROWCALL_CONFIG";

/// What was given so far; later sources win over earlier ones.
#[derive(Debug, Default)]
pub struct Sources {
    pub given: BTreeMap<&'static str, Given>,
    pub problems: Vec<Problem>,
}

impl Sources {
    /// Reads the text of a settings file.
    pub fn file(&mut self, path: &Path, text: &str) {
        let origin = |at: usize| Origin::File { path: path.to_owned(), line: line(text, at) };
        let document = match DeTable::parse(text) {
            Ok(document) => document,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let text = format!("not TOML: {}", error.message());
                return self.problems.push(Problem { origin: origin(at), text });
            }
        };
        for (section, content) in document.get_ref().iter() {
            let Some(settings) = content.get_ref().as_table() else {
                let text = format!("{} stands outside of a section", section.get_ref());
                self.problems.push(Problem { origin: origin(section.span().start), text });
                continue;
            };
            for (name, value) in settings.iter() {
                let name_in_full = format!("{}.{}", section.get_ref(), name.get_ref());
                let origin = origin(name.span().start);
                match raw(value) {
                    Some(raw) => self.give(&name_in_full, raw, origin),
                    None => {
                        let text = format!("{name_in_full}: expected one value or a list of values");
                        self.problems.push(Problem { origin, text });
                    }
                }
            }
        }
    }

    /// Reads the variables of the environment that are Rowcall's.
    pub fn environment(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) {
        let mut found: Vec<(String, OsString)> = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        // Aliases first: the name of one's own says it more exactly.
        found.sort_by_key(|(name, _)| (name.starts_with("ROWCALL_"), name.clone()));
        for (variable, value) in found {
            let alias = ALIASES.iter().find(|(alias, _)| *alias == variable);
            let known = match alias {
                Some((_, name)) => Some((*name).to_owned()),
                None if !variable.starts_with("ROWCALL_") => continue,
                None if variable == FILE_VARIABLE || is_service_link(&variable) => continue,
                None => names().find(|name| declare::variable(name) == variable),
            };
            let origin = Origin::Environment(variable.clone());
            let Some(name) = known else {
                let nearest = nearest(&variable, names().map(|name| declare::variable(&name)));
                self.problems.push(Problem { origin, text: format!("no such setting{nearest}") });
                continue;
            };
            match value.into_string() {
                Ok(text) => self.give(&name, Raw::One(text), origin),
                Err(_) => self.problems.push(Problem { origin, text: "is not UTF-8".to_owned() }),
            }
        }
    }

    /// Takes one `--set name=value`, or the flag that stands for it.
    pub fn flag(&mut self, flag: &'static str, name: &str, text: String) {
        self.give(name, Raw::One(text), Origin::Flag(flag));
    }

    fn give(&mut self, name: &str, raw: Raw, origin: Origin) {
        let of_file = |setting: &&Setting| setting.file_name().is_some_and(|file| file == name);
        if let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) {
            self.keep(setting, Given { origin, content: Content::Value(raw) });
        } else if let Some(setting) = SETTINGS.iter().find(of_file) {
            self.keep(setting, Given { origin, content: Content::File(raw.text().into()) });
        } else {
            let text = format!("no setting \"{name}\"{}", nearest(name, names()));
            self.problems.push(Problem { origin, text });
        }
    }

    fn keep(&mut self, setting: &'static Setting, given: Given) {
        // As with an empty value: `NAME_FILE=${OTHER:-}`.
        let unset = matches!(&given.content, Content::File(path) if path.as_os_str().is_empty());
        if unset {
            return;
        }
        let is_file = |given: &Given| matches!(given.content, Content::File(_));
        if let Some(earlier) = self.given.get(setting.name)
            && same_source(&earlier.origin, &given.origin)
            && is_file(earlier) != is_file(&given)
        {
            let text = format!("{}: given both as a value and as a file", setting.name);
            return self.problems.push(Problem { origin: given.origin, text });
        }
        self.given.insert(setting.name, given);
    }
}

/// Every name a setting can be given by, `…_file` included.
fn names() -> impl Iterator<Item = String> {
    SETTINGS.iter().flat_map(|setting| [Some(setting.name.to_owned()), setting.file_name()]).flatten()
}

/// `DATABASE_URL` beside `ROWCALL_POSTGRES_URL_FILE` is not a contradiction: the second wins.
fn same_source(one: &Origin, other: &Origin) -> bool {
    let alias = |name: &str| ALIASES.iter().any(|(alias, _)| *alias == name);
    match (one, other) {
        (Origin::File { path: one, .. }, Origin::File { path: other, .. }) => one == other,
        (Origin::Environment(one), Origin::Environment(other)) => alias(one) == alias(other),
        (Origin::Flag(_), Origin::Flag(_)) => true,
        _ => false,
    }
}

/// Kubernetes tells each pod of the services around it by variables like `ROWCALL_SERVICE_HOST` and
/// `ROWCALL_PORT_50051_TCP_ADDR`; a service called `rowcall` must not keep Rowcall from starting.
fn is_service_link(variable: &str) -> bool {
    let number_follows = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    variable.ends_with("_SERVICE_HOST")
        || variable.ends_with("_PORT")
        || variable.contains("_SERVICE_PORT_")
        || variable.split("_PORT_").skip(1).any(number_follows)
}

/// `; did you mean "…"?`, when something is near enough.
fn nearest(name: &str, names: impl Iterator<Item = String>) -> String {
    // The last part alone may be right, in the wrong section.
    let last = |name: &str| name.rsplit('.').next().map(str::to_owned);
    let names: Vec<String> = names.collect();
    match names.iter().find(|other| name.contains('.') && last(other) == last(name)) {
        Some(other) => format!("; did you mean \"{other}\"?"),
        None => crate::nearest::hint(name, names.iter().map(String::as_str)),
    }
}

fn raw(value: &Spanned<DeValue<'_>>) -> Option<Raw> {
    let scalar = |value: &DeValue<'_>| match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    };
    match value.get_ref() {
        DeValue::Array(items) => {
            items.iter().map(|item| scalar(item.get_ref())).collect::<Option<_>>().map(Raw::Many)
        }
        one => scalar(one).map(Raw::One),
    }
}

/// The line of a byte, from 1.
fn line(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}
