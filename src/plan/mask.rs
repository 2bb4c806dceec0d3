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
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::{Database, resource};

    fn plans() -> Plans {
        let contract = r#"
            service Shop { rpc GetNode(GetNodeRequest) returns (Node); }
            message GetNodeRequest { int64 id = 1; }
            message Node {
              option (rowcall.v1.table) = {};
              int64 id = 1;
              string title = 2;
              Node above = 3;
              repeated Node below = 4;
            }"#;
        let database = Database::new().table("node", "id int8 key, title text, above_id int8 null");
        let (plans, report) =
            database.references("node_above_fkey", &["above_id"], "node", &["id"]).compile(contract);
        assert_eq!(report.problems, []);
        plans
    }

    /// The paths of everything that is read.
    fn read(paths: &[&str]) -> Result<Vec<String>, Vec<String>> {
        let plans = plans();
        let bound = bind(&plans, resource(&plans, "Node"), paths.iter().copied(), "read_mask");
        let mask = bound.map_err(|all| all.into_iter().map(|v| v.description).collect::<Vec<_>>())?;
        let mut out = Vec::new();
        walk(&plans.resources[0], &mask, "", &mut out);
        Ok(out)
    }

    fn walk(node: &crate::plan::Resource, mask: &Mask, before: &str, out: &mut Vec<String>) {
        for (at, field) in node.fields.iter().enumerate().filter(|(at, f)| mask.includes(*at, &f.source)) {
            match field.source {
                Source::Relation(_) => {
                    walk(node, &mask.fields[&at], &format!("{before}{}.", field.name), out)
                }
                _ => out.push(format!("{before}{}", field.name)),
            }
        }
    }

    #[test]
    fn absent_and_star_are_every_field_but_relations() {
        for paths in [&[][..], &["*"], &["*", "title"]] {
            assert_eq!(read(paths).unwrap(), ["id", "title"], "{paths:?}");
        }
    }

    #[test]
    fn a_relation_alone_is_its_own_fields() {
        assert_eq!(read(&["above"]).unwrap(), ["above.id", "above.title"]);
        assert_eq!(read(&["title", "above.title"]).unwrap(), ["title", "above.title"]);
        assert_eq!(read(&["above.title", "above"]).unwrap(), ["above.id", "above.title"]);
        assert_eq!(
            read(&["below.above.id", "below.title", "below.above.*"]).unwrap(),
            ["below.title", "below.above.id", "below.above.title"]
        );
    }

    #[test]
    fn everything_unknown_is_told() {
        assert_eq!(
            read(&["titel", "above.x", "title.x", "", "*.title"]).unwrap_err(),
            [
                "no field \"titel\" in Node; did you mean \"title\"?",
                "no field \"x\" in Node",
                "\"title.x\" goes inside \"title\", which is read whole: ask for \"title\"",
                "no field \"\" in Node",
                "no field \"*\" in Node",
            ]
        );
    }

    #[test]
    fn depth_and_number_have_a_limit() {
        let deep = |depth: usize| format!("{}title", "above.".repeat(depth));
        assert!(read(&[&deep(DEPTH_MAX)]).is_ok());
        assert!(
            read(&[&deep(DEPTH_MAX + 1)]).unwrap_err()[0].ends_with("goes through more than 8 relations")
        );
        assert!(read(&vec!["title"; PATHS_MAX]).is_ok());
        assert_eq!(read(&vec!["title"; PATHS_MAX + 1]).unwrap_err(), ["has more than 512 paths"]);
    }
}
