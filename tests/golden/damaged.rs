//! Filters, orders and whole requests that are nearly good: bound to a statement that fits, or refused with words.

use proptest::prelude::*;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Value};
use rowcall::call::{Hints, Scope};
use rowcall::plan::bind::{self, Context, Failure, Limits, Request};
use rowcall::plan::method::Kind;
use rowcall::plan::token::Keys;
use rowcall::plan::{Plans, Violation, filter, order};
use rowcall::sql::{self, Statement};

use crate::damage::{self, timed};
use crate::{request, store};

const FILTERS: [&str; 12] = [
    "title = \"Ba*\" AND length > 200s OR NOT (genre = \"x\")",
    "in(title, \"a\", \"b\\\"c\") -mood = MOOD_SAD",
    "attributes.a.b = 1.5 AND attributes.a = true",
    "album = \"albums/7\" OR album_detail.title:\"é\"",
    "playlists.title = \"x\" AND tags:\"y\"",
    "recorded_at > \"2020-01-01T00:00:00Z\"",
    "price >= 1.99 price < 1000",
    "((title:*))",
    "labels.x = \"y\"",
    "live = true AND NOT state:*",
    "title = 'single'",
    "length < 1.5s",
];

const ORDERS: [&str; 3] = ["title desc, album_detail.title, length asc", "length", "genre desc"];

/// What is wrong has a place, unless it is the length of it all.
fn check(refused: &Violation, text: &str) {
    assert!(!refused.description.trim().is_empty(), "{refused:?}");
    match refused.column {
        Some(column) => assert!((1..=text.chars().count() + 1).contains(&column), "{refused:?} of {text:?}"),
        None => assert!(refused.description.contains("at most"), "{refused:?} of {text:?}"),
    }
}

#[test]
fn any_damage_to_a_filter_or_an_order_is_bound_or_refused() {
    let plans = store::plans();
    let limits = filter::Limits::default();
    let track = request::find(&plans, "Track");
    for text in FILTERS {
        filter::bind(&plans, track, text, &limits).unwrap_or_else(|refused| panic!("{text}: {refused:?}"));
    }
    for text in ORDERS {
        order::bind(&plans, track, text).unwrap_or_else(|refused| panic!("{text}: {refused:?}"));
    }
    let resources = [track, request::find(&plans, "Album")];
    proptest!(|(text in damage::texts(FILTERS), terms in damage::texts(ORDERS))| {
        for resource in resources {
            if let Err(refused) = timed(&text, || filter::bind(&plans, resource, &text, &limits)) {
                check(&refused, &text);
            }
            if let Err(refused) = timed(&terms, || order::bind(&plans, resource, &terms)) {
                check(&refused, &terms);
            }
        }
    });
}

/// A good `ListTracks`.
fn good(plans: &Plans, filter: &str, order: &str) -> Vec<u8> {
    let input = plans.contract.pool.get_message_by_name("store.v1.ListTracksRequest");
    let mut message = DynamicMessage::new(input.expect("in the contract"));
    message.set_field_by_name("page_size", Value::I32(7));
    message.set_field_by_name("filter", Value::String(filter.to_owned()));
    message.set_field_by_name("order_by", Value::String(order.to_owned()));
    message.encode_to_vec()
}

fn list(plans: &Plans, keys: &Keys, bytes: Vec<u8>) -> Result<Statement, Failure> {
    let method = &plans.methods["/store.v1.Store/ListTracks"];
    let Kind::List { resource, .. } = method.kind else { panic!("it lists") };
    let request = Request::decode(plans, &method.input, bytes.into())?;
    let (hints, scope, limits) = (Hints::default(), Scope::default(), Limits::default());
    let context = Context {
        plans,
        method,
        resource,
        hints: &hints,
        scope: &scope,
        limits: &limits,
        keys,
        now: 1_000_000,
    };
    Ok(sql::render(plans, &bind::list(&context, request)?.select))
}

/// As many parameters as the text asks for, whatever the values are.
fn fits(statement: &Statement) {
    let numbers = statement.text.split('$').skip(1).filter_map(|rest| {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse::<usize>().ok()
    });
    assert_eq!(numbers.max().unwrap_or(0), statement.params.len(), "{}", statement.text);
}

#[test]
fn any_damage_to_a_list_is_bound_or_refused() {
    let plans = store::plans();
    let keys = Keys::new([7; 32], []);
    let samples: Vec<Vec<u8>> = FILTERS
        .iter()
        .flat_map(|filter| ORDERS.map(|order| good(&plans, filter, order)))
        .inspect(|bytes| fits(&list(&plans, &keys, bytes.clone()).expect("it is good")))
        .collect();
    let answered = |bytes: Vec<u8>| match timed(&bytes, || list(&plans, &keys, bytes.clone())) {
        Ok(statement) => fits(&statement),
        Err(Failure::Refused(refusal)) => assert!(!refusal.violations.is_empty(), "{bytes:?}"),
        Err(Failure::Unfit(unfit)) => panic!("the store fits: {unfit:?}"),
    };
    proptest!(|(bytes in damage::bytes(samples), text in damage::texts(FILTERS), terms in damage::texts(ORDERS))| {
        answered(bytes);
        answered(good(&plans, &text, ORDERS[0]));
        answered(good(&plans, FILTERS[0], &terms));
    });
}
