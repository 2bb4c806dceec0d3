//! A Postgres enum's labels ↔ a proto enum's numbers.

use std::sync::Arc;

use prost_reflect::EnumDescriptor;

use crate::contract;

/// What labels read as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// Each label's bytes and number, sorted by label.
    known: Arc<[(Box<[u8]>, i32)]>,
    /// For labels that Postgres was given after the catalog was read.
    of: EnumDescriptor,
}

impl Labels {
    /// The numbers of the labels, and the labels that have none.
    pub(super) fn choose(labels: &[String], of: &EnumDescriptor) -> (Labels, Vec<String>) {
        let mut losses = Vec::new();
        let mut numbers: Vec<(Box<[u8]>, i32)> = Vec::with_capacity(labels.len());
        for label in labels {
            match number(label, of) {
                Some(number) => numbers.push((label.as_bytes().into(), number)),
                None => {
                    losses.push(format!("label \"{label}\" has no value in {}: it reads as 0", of.name()))
                }
            }
        }
        for value in of.values() {
            match contract::label(&value) {
                Some(label) if !labels.contains(&label) => {
                    losses.push(format!(
                        "{} stands for label \"{label}\", which there is none of",
                        value.name()
                    ));
                }
                _ => {}
            }
        }
        for (at, (label, number)) in numbers.iter().enumerate() {
            if let Some((other, _)) = numbers[..at].iter().find(|(_, n)| n == number) {
                let text = |label: &[u8]| String::from_utf8_lossy(label).into_owned();
                losses.push(format!(
                    "labels \"{}\" and \"{}\" are one value of {}",
                    text(other),
                    text(label),
                    of.name()
                ));
            }
        }
        numbers.sort();
        (Labels { known: numbers.into(), of: of.clone() }, losses)
    }

    /// 0 for a label the contract lacks.
    pub fn number(&self, label: &[u8]) -> i32 {
        match self.known.binary_search_by(|(known, _)| known.as_ref().cmp(label)) {
            Ok(at) => self.known[at].1,
            Err(_) => str::from_utf8(label).ok().and_then(|label| number(label, &self.of)).unwrap_or(0),
        }
    }
}

/// The value whose option names the label, else whose own name is the label's.
fn number(label: &str, of: &EnumDescriptor) -> Option<i32> {
    let by_option = of.values().find(|value| contract::label(value).as_deref() == Some(label));
    let by_name = || {
        let wanted = screaming(label);
        let prefix = prefix(of);
        of.values().find(|value| {
            let name = value.name();
            contract::label(value).is_none()
                && (name == wanted || name.strip_prefix(&prefix).is_some_and(|n| n == wanted))
        })
    };
    by_option.or_else(by_name).map(|value| value.number())
}

/// The label a number is written as: the first that reads back as it.
pub(in crate::plan) fn label<'a>(
    number_wanted: i32,
    of: &EnumDescriptor,
    labels: &'a [String],
) -> Option<&'a str> {
    labels.iter().find(|label| number(label, of) == Some(number_wanted)).map(String::as_str)
}

/// `very high` → `VERY_HIGH`.
fn screaming(label: &str) -> String {
    label.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// `UnitPrice` → `UNIT_PRICE_`.
fn prefix(of: &EnumDescriptor) -> String {
    let name = of.name();
    let mut prefix = String::with_capacity(name.len() + 4);
    let mut before = '_';
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        let next_is_lower = chars.peek().is_some_and(char::is_ascii_lowercase);
        let starts = c.is_ascii_uppercase()
            && (before.is_ascii_lowercase() || before.is_ascii_digit() || next_is_lower);
        if starts && !prefix.is_empty() && before != '_' {
            prefix.push('_');
        }
        prefix.push(c.to_ascii_uppercase());
        before = c;
    }
    prefix.push('_');
    prefix
}
