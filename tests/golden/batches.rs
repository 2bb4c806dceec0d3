//! A BatchGet's names and parent → keys, or what is wrong with them.

use prost::Message as _;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};
use rowcall::call::Hints;
use rowcall::contract::options::Reason;
use rowcall::plan::bind::{self, Failure, Limits, Lookup, Request};

use crate::{request, store};

fn lines(parent: &str, names: &[&str]) -> Result<Lookup, Failure> {
    let plans = store::plans();
    let input = plans.contract.pool.get_message_by_name("store.v1.BatchGetLinesRequest");
    let mut message = DynamicMessage::new(input.clone().expect("in the contract"));
    message.set_field_by_name("parent", Value::String(parent.to_owned()));
    let names = names.iter().map(|name| Value::String((*name).to_owned())).collect();
    message.set_field_by_name("names", Value::List(names));
    let bytes = message.encode_to_vec().into();
    let request = Request::decode(&plans, &message.descriptor(), bytes)?;
    let line = request::find(&plans, "Line");
    bind::batch_get(&plans, line, request, &Hints::default(), &Limits::default()).map(|(_, lookup)| lookup)
}

/// Field, reason and words of everything that is wrong.
fn wrong(parent: &str, names: &[&str]) -> Vec<(String, Reason, String)> {
    match lines(parent, names) {
        Err(Failure::Refused(refusal)) => refusal
            .violations
            .into_iter()
            .map(|violation| (violation.field, violation.reason, violation.description))
            .collect(),
        other => panic!("{parent} {names:?}: {other:?}"),
    }
}

const NAMES: [&str; 2] = ["invoices/1/lines/1/sad", "invoices/1/lines/2/sad"];

#[test]
fn names_of_the_parent_are_found_with_it_and_without() {
    let alone = lines("", &NAMES).expect("bound").keys;
    assert_eq!(alone.len(), 2);
    assert_eq!(lines("invoices/1/lines", &NAMES).expect("bound").keys, alone);
    assert_eq!(lines("invoices/-/lines", &NAMES).expect("bound").keys, alone);
}

#[test]
fn names_outside_the_parent_are_each_refused() {
    let found = wrong("invoices/2/lines", &[NAMES[0], "invoices/2/lines/7/sad", NAMES[1]]);
    let not_of = |field: &str| {
        (field.to_owned(), Reason::NameInvalid, "is not of the parent \"invoices/2/lines\"".to_owned())
    };
    assert_eq!(found, [not_of("names[0]"), not_of("names[2]")]);
}

#[test]
fn a_parent_of_another_form_is_refused() {
    let found = wrong("albums/2", &NAMES);
    assert_eq!((found[0].0.as_str(), found[0].1), ("parent", Reason::NameInvalid));
}
