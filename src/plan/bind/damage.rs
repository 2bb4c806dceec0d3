//! Requests that are nearly good, or no requests at all: bound to a statement that fits, or refused with words.

use proptest::prelude::*;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind as Of, ReflectMessage as _, Value};

use super::tests::{KEYS, NOW, PLANS, method};
use super::*;
use crate::call::{Hints, Scope, TotalWanted};
use crate::damage::{self, timed};
use crate::plan::method::Kind;
use crate::sql::{self, Statement};

const METHODS: [&str; 8] = [
    "GetTrack",
    "BatchGetTracks",
    "ListTracks",
    "StreamTracks",
    "GetPlay",
    "BatchGetPlays",
    "ListPlays",
    "Top",
];

/// Good values for a request's fields of text.
const TEXTS: [&str; 12] = [
    "albums/7/tracks/2",
    "albums/-/tracks/-",
    "albums/7",
    "albums/%37/tracks/%2D",
    "title = \"Ba*\" AND NOT title:\"x\"",
    "(title = \"a\" OR title != \"b\") AND name = \"albums/1/tracks/2\"",
    "title desc, name",
    "title asc",
    "*",
    "name,title",
    "title",
    "DE",
];

/// Whatever bytes come as a request of this method.
fn answer(name: &str, bytes: Vec<u8>, hints: &Hints) {
    let method = method(name);
    let bound =
        Request::decode(&PLANS, &method.input, bytes.into()).and_then(|request| bind(name, request, hints));
    match bound {
        Ok(statement) => statement.iter().for_each(fits),
        Err(Failure::Refused(refusal)) => {
            assert!(!refusal.violations.is_empty());
            for violation in &refusal.violations {
                assert!(!violation.description.trim().is_empty(), "{violation:?}");
            }
        }
        Err(Failure::Unfit(unfit)) => panic!("every resource serves: {unfit:?}"),
    }
}

/// Lookups are rendered elsewhere.
fn bind(name: &str, request: Request, hints: &Hints) -> Result<Option<Statement>, Failure> {
    let method = method(name);
    let limits = Limits::default();
    match &method.kind {
        Kind::Get { resource } => {
            let named = request.text("name");
            let wanted = get(&PLANS, *resource, request, hints)?;
            let of = &PLANS.resources[*resource];
            assert_eq!(wanted.key.len(), of.key.len());
            if !of.names.is_empty() {
                assert_eq!(of.name_of_key(&wanted.key), named, "a row has one name");
            }
            let lookup = Lookup::new(&PLANS, *resource, &wanted.mask, vec![wanted.key])?;
            assert_eq!(lookup.keys.len(), 1);
            Ok(None)
        }
        Kind::BatchGet { resource, .. } => {
            let (_, lookup) = batch_get(&PLANS, *resource, request, hints, &limits)?;
            assert!((1..=limits.batch_max).contains(&lookup.keys.len()));
            Ok(None)
        }
        Kind::List { resource, .. } | Kind::Stream { resource, .. } => {
            let scope = Scope::default();
            let context = Context {
                plans: &PLANS,
                method,
                resource: *resource,
                hints,
                scope: &scope,
                limits: &limits,
                keys: &KEYS,
                now: NOW,
            };
            let listing = list(&context, request)?;
            assert!(listing.page >= 1 && listing.page <= limits.page_max);
            Ok(Some(sql::render(&PLANS, &listing.select)))
        }
        Kind::Function(of) => Ok(Some(sql::call(of, &function(of, request)?))),
        Kind::Unfit(problems) => panic!("{problems:?}"),
        Kind::Unseen => panic!("{name} has met its database"),
    }
}

/// Every parameter is used, and no other.
fn fits(statement: &Statement) {
    let numbers = statement.text.split('$').skip(1).map(|rest| {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse::<usize>().expect("a parameter's number")
    });
    let mut used: Vec<usize> = numbers.collect();
    used.sort_unstable();
    used.dedup();
    assert_eq!(used, (1..=statement.params.len()).collect::<Vec<_>>(), "{}", statement.text);
}

/// Field numbers and wire types that some of the messages have, and bytes that may be messages themselves.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        damage::texts(TEXTS).prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let number = prop_oneof![6 => 1u32..9, 1 => any::<u32>().prop_map(|n| n >> 3)];
        let bytes = (number.clone(), inner).prop_map(|(number, body)| {
            let mut out = Vec::new();
            prost::encoding::bytes::encode(number.max(1), &body, &mut out);
            out
        });
        let integer = (number, any::<u64>()).prop_map(|(number, value)| {
            let mut out = Vec::new();
            prost::encoding::uint64::encode(number.max(1), &value, &mut out);
            out
        });
        prop::collection::vec(prop_oneof![3 => bytes, 1 => integer], 0..5).prop_map(|fields| fields.concat())
    })
}

/// A request whose fields are good, each one damaged.
fn any_request(name: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let input = method(name).input.clone();
    let texts = prop::collection::vec(damage::texts(TEXTS), 16);
    (texts, any::<[i64; 8]>(), any::<u16>()).prop_map(move |(texts, numbers, present)| {
        let mut message = DynamicMessage::new(input.clone());
        fill(&mut message, &mut texts.into_iter(), &mut numbers.into_iter(), present, 3);
        message.encode_to_vec()
    })
}

fn fill(
    message: &mut DynamicMessage,
    texts: &mut impl Iterator<Item = String>,
    numbers: &mut impl Iterator<Item = i64>,
    present: u16,
    depth: usize,
) {
    for (at, field) in message.descriptor().fields().enumerate() {
        if present >> (at % 16) & 1 == 0 {
            continue;
        }
        let one = match field.kind() {
            Of::String => texts.next().map(Value::String),
            Of::Bool => numbers.next().map(|n| Value::Bool(n % 2 == 0)),
            Of::Int32 => numbers.next().map(|n| Value::I32(n as i32)),
            Of::Int64 => numbers.next().map(Value::I64),
            Of::Message(of) if depth > 0 => {
                let mut inner = DynamicMessage::new(of);
                fill(&mut inner, texts, numbers, present.rotate_left(5) | 1, depth - 1);
                Some(Value::Message(inner))
            }
            _ => None,
        };
        if let Some(one) = one {
            message.set_field(&field, if field.is_list() { Value::List(vec![one]) } else { one });
        }
    }
}

fn any_hints() -> impl Strategy<Value = Hints> {
    let mask = proptest::option::weighted(0.2, damage::texts(["name,title", "*", "title"]));
    let total = proptest::option::of(prop_oneof![Just(TotalWanted::Exact), Just(TotalWanted::Estimated)]);
    (mask, total).prop_map(|(read_mask, total)| Hints { read_mask, total, ..Hints::default() })
}

proptest! {
    #[test]
    fn any_bytes_are_a_request_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64), hints in any_hints()) {
        for name in METHODS {
            timed(&bytes, || answer(name, bytes.clone(), &hints));
        }
    }

    #[test]
    fn any_message_is_a_request_or_refused(bytes in any_message(), hints in any_hints()) {
        for name in METHODS {
            timed(&bytes, || answer(name, bytes.clone(), &hints));
        }
    }

    #[test]
    fn any_damaged_request_is_bound_or_refused(
        requests in METHODS.map(any_request), hints in any_hints(),
    ) {
        for (name, request) in METHODS.into_iter().zip(requests) {
            timed(&request, || answer(name, request.clone(), &hints));
        }
    }

    #[test]
    fn any_damage_to_a_requests_bytes_is_bound_or_refused(
        request in any_request("ListTracks").prop_flat_map(|bytes| damage::bytes([bytes])), hints in any_hints(),
    ) {
        timed(&request, || answer("ListTracks", request.clone(), &hints));
    }
}
