//! Settings → what `rowcall config` prints and the table in the README.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::declare::Setting;
use super::reader::{Content, Given, Origin};
use super::sections::SETTINGS;
use super::value::{Form, Raw};

/// What is in force and from where, as TOML that could be a settings file; secrets print as `***`.
pub fn in_force(given: &BTreeMap<&'static str, Given>) -> String {
    let mut text = String::new();
    let mut section = "";
    for setting in SETTINGS {
        let (of, name) = setting.name.split_once('.').unwrap_or(("", setting.name));
        if of != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}[{of}]");
            section = of;
        }
        let (line, origin) = match given.get(setting.name) {
            None => (assignment(setting, name, &Raw::One(setting.default.to_owned())), &Origin::Default),
            Some(Given { origin, content: Content::Value(raw) }) => (assignment(setting, name, raw), origin),
            Some(Given { origin, content: Content::File(path) }) => {
                (format!("{name}_file = {}", quoted(&path.to_string_lossy())), origin)
            }
        };
        let _ = writeln!(text, "{line:<44} # {origin}");
    }
    text
}

fn assignment(setting: &Setting, name: &str, raw: &Raw) -> String {
    let items: Vec<&str> = match raw {
        Raw::One(text) if setting.form == Form::List => {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
        }
        Raw::One(text) => vec![text],
        Raw::Many(texts) => texts.iter().map(String::as_str).collect(),
    };
    let shown = |item: &&str| quoted(if setting.secret { "***" } else { item });
    match setting.form {
        Form::List => {
            format!("{name} = [{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        // TOML has no null: what is unset stands as a comment.
        Form::Quoted | Form::Bare if raw.text().is_empty() => format!("# {name} is unset"),
        Form::Quoted => format!("{name} = {}", items.iter().map(shown).collect::<String>()),
        Form::Bare => format!("{name} = {}", raw.text().trim()),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The table of settings in the README: Markdown.
pub fn table() -> String {
    let mut text = String::from("| setting | default | |\n|---|---|---|\n");
    for Setting { name, default, doc, .. } in SETTINGS {
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        let _ = writeln!(text, "| `{name}` | {default} | {doc} |");
    }
    text
}
