//! A path that a filter or an order names → whether the contract leaves it open to callers.
//!
//! The closed set of the resource that is asked for decides. Where it has none, the path may lead to a
//! resource that has one, which then decides about the rest of it: what is closed there is not open
//! by a way round. A path that is open is open with everything inside of its column, and a
//! relation that is open opens nothing of the rows it leads to.

use std::collections::BTreeSet;

use super::Plans;
use super::resource::{Resource, Source};

/// Which of a resource's closed sets is meant.
pub type Set = fn(&Resource) -> Option<&BTreeSet<String>>;

/// `what` names the kind of text in the error: filters, or orders.
pub fn check(plans: &Plans, resource: usize, segments: &[&str], set: Set, what: &str) -> Result<(), String> {
    let asked = &plans.resources[resource];
    let mut resource = asked;
    for at in 0..segments.len() {
        let rest = &segments[at..];
        if let Some(open) = set(resource) {
            return match names(plans, resource, rest, open) {
                true => Ok(()),
                false => Err(closed(&segments.join("."), (at > 0).then_some(resource), open, what)),
            };
        }
        match relation(plans, resource, rest[0]) {
            Some(target) => resource = target,
            None => break,
        }
    }
    Ok(())
}

/// Whether a set names the path, or the column that the path leads into.
fn names(plans: &Plans, resource: &Resource, segments: &[&str], open: &BTreeSet<String>) -> bool {
    let mut within = Some(resource);
    let mut path = String::new();
    for (at, segment) in segments.iter().enumerate() {
        path.push_str(segment);
        within = within.and_then(|resource| relation(plans, resource, segment));
        let leads_on = within.is_some() && at + 1 < segments.len();
        if !leads_on && open.contains(&path) {
            return true;
        }
        path.push('.');
    }
    false
}

fn relation<'p>(plans: &'p Plans, resource: &Resource, segment: &str) -> Option<&'p Resource> {
    match resource.field(segment)?.source {
        Source::Relation(relation) => Some(&plans.resources[resource.relations[relation].target]),
        _ => None,
    }
}

fn closed(path: &str, led_to: Option<&Resource>, open: &BTreeSet<String>, what: &str) -> String {
    let open: Vec<&str> = open.iter().map(String::as_str).collect();
    let of = led_to.map_or(String::new(), |resource| format!("of {} ", resource.message.name()));
    match open.is_empty() {
        true => format!("\"{path}\" is not open to {what}; {of}no field is"),
        false => format!("\"{path}\" is not open to {what}; {of}these are: {}", open.join(", ")),
    }
}
