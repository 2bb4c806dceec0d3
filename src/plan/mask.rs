//! A read mask → a tree of the fields asked for (AIP-157, AIP-161).

use std::collections::BTreeMap;

use super::resource::Source;
use super::{Plans, Violation};
use crate::contract::options::Reason;
use crate::plan::path::unknown;

/// The most relations that may stand inside one another.
pub const DEPTH_MAX: usize = 8;
/// The most paths of one mask.
pub const PATHS_MAX: usize = 512;

/// Which fields of a resource are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mask {
    /// Every field that is no relation.
    pub all: bool,
    /// Fields by position, relations with the mask of what is inside.
    pub fields: BTreeMap<usize, Mask>,
}

impl Mask {
    /// Absent or `*`.
    pub fn all() -> Self {
        Mask { all: true, fields: BTreeMap::new() }
    }

    pub fn includes(&self, at: usize, source: &Source) -> bool {
        self.fields.contains_key(&at) || (self.all && !matches!(source, Source::Relation(_)))
    }
}

/// `field` names the mask in errors: `read_mask`, or the metadata key.
pub fn bind<'a>(
    plans: &Plans,
    resource: usize,
    paths: impl Iterator<Item = &'a str>,
    field: &str,
) -> Result<Mask, Vec<Violation>> {
    let mut mask = Mask::default();
    let mut violations = Vec::new();
    let mut count = 0;
    for path in paths {
        count += 1;
        if count > PATHS_MAX {
            let text = format!("has more than {PATHS_MAX} paths");
            return Err(vec![Violation::new(Reason::MaskInvalid, field, text)]);
        }
        if let Err(text) = add(&mut mask, plans, resource, path) {
            violations.push(Violation::new(Reason::MaskInvalid, field, text));
        }
    }
    if count == 0 {
        return Ok(Mask::all());
    }
    if violations.is_empty() { Ok(mask) } else { Err(violations) }
}

fn add(mask: &mut Mask, plans: &Plans, mut resource: usize, path: &str) -> Result<(), String> {
    let mut mask = mask;
    let mut segments = path.split('.').peekable();
    let mut depth = 0;
    while let Some(segment) = segments.next() {
        let here = &plans.resources[resource];
        if segment == "*" && segments.peek().is_none() {
            mask.all = true;
            return Ok(());
        }
        let at = *here.by_name.get(segment).ok_or_else(|| unknown(here, segment))?;
        mask = mask.fields.entry(at).or_default();
        match here.fields[at].source {
            Source::Relation(relation) => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(format!("{path:?} goes through more than {DEPTH_MAX} relations"));
                }
                resource = here.relations[relation].target;
                if segments.peek().is_none() {
                    mask.all = true;
                }
            }
            _ if segments.peek().is_some() => {
                return Err(format!(
                    "{path:?} goes inside {segment:?}, which is read whole: ask for {segment:?}"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}
