//! Tokens that go round, and tokens that do not.

use proptest::prelude::*;

use super::*;
use crate::damage;

const DAY: u64 = 86_400;
const AGE_MAX: Duration = Duration::from_secs(3 * DAY);
const NOW: u64 = 1_800_000_000;

fn keys() -> Keys {
    Keys::new([7; 32], [])
}

fn binding<'a>(scope: &'a Scope, types: &'a [Oid]) -> Binding<'a> {
    Binding {
        purpose: Purpose::Page,
        method: "/chinook.v1.ChinookService/ListTracks",
        parent: "",
        filter: "length > 200s",
        order: "title",
        deleted: Deleted::Hidden,
        scope,
        types,
    }
}

fn position() -> Position {
    let values = vec![Some(Bytes::from_static(b"Ba")), None, Some(Bytes::new())];
    Position { values, total: Some(Total::Exact(3503)) }
}

fn token() -> String {
    seal(&keys(), &binding(&Scope::default(), &[25, 23, 25]), &position(), NOW)
}

fn why(opened: Result<Position, Violation>) -> String {
    let violation = opened.expect_err("the token must be refused");
    assert_eq!(violation.reason, Reason::TokenInvalid);
    assert_eq!(violation.field, "page_token");
    violation.description
}

#[test]
fn a_token_comes_back_as_it_went() {
    let (scope, types) = (Scope::default(), [25, 23, 25]);
    let token = seal(&keys(), &binding(&scope, &types), &position(), NOW);
    let opened = open(&keys(), &binding(&scope, &types), &token, NOW + DAY, AGE_MAX, "page_token");
    assert_eq!(opened, Ok(position()));
}

#[test]
fn equal_positions_have_equal_tokens() {
    let (scope, types) = (Scope::default(), [25, 23, 25]);
    let hour = NOW / ISSUE_SECONDS * ISSUE_SECONDS;
    let token = |at| seal(&keys(), &binding(&scope, &types), &position(), at);
    assert_eq!(token(hour), token(hour + ISSUE_SECONDS - 1));
    assert_ne!(token(hour), token(hour + ISSUE_SECONDS));
}

#[test]
fn the_part_that_differs_is_named() {
    let (scope, types) = (Scope::default(), [25, 23, 25]);
    let made = binding(&scope, &types);
    let token = seal(&keys(), &made, &position(), NOW);
    let check = |other: Binding<'_>, part: &str| {
        let said = why(open(&keys(), &other, &token, NOW, AGE_MAX, "page_token"));
        assert_eq!(said, format!("made for another {part}; start again without it"));
    };
    let caller = Scope { role: Some("other".into()), ..Scope::default() };
    check(Binding { order: "title desc", ..made }, "order_by");
    check(Binding { order: "length", types: &[20, 23], ..made }, "order_by");
    check(Binding { filter: "", ..made }, "filter");
    check(Binding { parent: "albums/1", ..made }, "parent");
    check(Binding { method: "/x", filter: "", ..made }, "method");
    check(Binding { purpose: Purpose::Resume, ..made }, "method");
    check(Binding { deleted: Deleted::Shown, ..made }, "show_deleted");
    check(Binding { scope: &caller, ..made }, "caller");
    check(Binding { types: &[25, 20, 25], ..made }, "set of key types");
    check(Binding { order: "length", types: &[20], ..made }, "order_by");
    check(Binding { filter: "", order: "", parent: "x", ..made }, "parent, filter and order_by");
}

#[test]
fn a_token_ages() {
    let (scope, types) = (Scope::default(), [25, 23, 25]);
    let made = binding(&scope, &types);
    let token = seal(&keys(), &made, &position(), NOW);
    assert!(open(&keys(), &made, &token, NOW + 3 * DAY, AGE_MAX, "page_token").is_ok());
    let late = NOW + 3 * DAY + ISSUE_SECONDS + 1;
    let said = why(open(&keys(), &made, &token, late, AGE_MAX, "page_token"));
    assert_eq!(said, "older than 3 days; start again without it");
}

#[test]
fn every_key_opens_and_the_first_seals() {
    let (scope, types) = (Scope::default(), [25, 23, 25]);
    let made = binding(&scope, &types);
    let old = seal(&keys(), &made, &position(), NOW);
    let rotated = Keys::new([8; 32], [[7; 32]]);
    assert!(open(&rotated, &made, &old, NOW, AGE_MAX, "page_token").is_ok());
    let new = seal(&rotated, &made, &position(), NOW);
    let said = why(open(&keys(), &made, &new, NOW, AGE_MAX, "page_token"));
    assert_eq!(
        said,
        "not a token of this server, or sealed with a key it no longer has; start again without it"
    );
}

proptest! {
    #[test]
    fn any_text_is_refused(text: String) {
        let scope = Scope::default();
        prop_assert!(open(&keys(), &binding(&scope, &[]), &text, NOW, AGE_MAX, "page_token").is_err());
    }

    #[test]
    fn a_changed_byte_is_noticed(at in 0usize..100, flip in 1u8..) {
        let (scope, types) = (Scope::default(), [25, 23, 25]);
        let made = binding(&scope, &types);
        let mut sealed = URL_SAFE_NO_PAD.decode(seal(&keys(), &made, &position(), NOW)).unwrap();
        let at = at % sealed.len();
        sealed[at] ^= flip;
        let token = URL_SAFE_NO_PAD.encode(sealed);
        prop_assert!(open(&keys(), &made, &token, NOW, AGE_MAX, "page_token").is_err());
    }

    #[test]
    fn any_other_text_than_the_token_is_refused(text in damage::texts([token()])) {
        let (scope, types) = (Scope::default(), [25, 23, 25]);
        let opened = open(&keys(), &binding(&scope, &types), &text, NOW, AGE_MAX, "page_token");
        prop_assert_eq!(opened.is_ok(), text == token());
    }

    #[test]
    fn any_position_comes_back(values: Vec<Option<Vec<u8>>>, rows: Option<u64>) {
        let scope = Scope::default();
        let types = vec![17; values.len()];
        let made = binding(&scope, &types);
        let values = values.into_iter().map(|v| v.map(Bytes::from)).collect();
        let position = Position { values, total: rows.map(Total::Estimated) };
        let token = seal(&keys(), &made, &position, NOW);
        prop_assert_eq!(open(&keys(), &made, &token, NOW, AGE_MAX, "page_token"), Ok(position));
    }
}
