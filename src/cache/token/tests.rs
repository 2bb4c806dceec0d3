//! Tokens that go round, and tokens that do not.

use proptest::prelude::*;

use super::*;
use crate::cache::snapshot::tests::snapshots;
use crate::damage;

const EPOCH: Epoch = Epoch(0x0123_4567_89ab_cdef);

fn read(text: &str) -> Token {
    Token::read(EPOCH, text.parse().expect("a snapshot"))
}

fn refusal(text: &str) -> String {
    Token::parse(text, EPOCH).expect_err("the token must be refused").to_string()
}

#[test]
fn a_token_is_short() {
    assert_eq!(Token::wrote(EPOCH, Xid(754)).to_string(), "AQEjRWeJq83v8gXrRc-x");
    assert!(Token::wrote(EPOCH, Xid(u64::MAX)).to_string().len() <= 31);
    assert!(read("5000000:5000100:5000000,5000042").to_string().len() <= 28);
}

#[test]
fn a_write_is_within_what_sees_it() {
    let token = Token::wrote(EPOCH, Xid(754));
    let within = |text: &str| token.within(&text.parse().expect("a snapshot"));
    assert!(within("755:755:"));
    assert!(within("753:758:753"));
    assert!(!within("754:758:754"));
    assert!(!within("754:754:"));
}

#[test]
fn a_read_is_within_what_shows_as_much() {
    let token = read("753:758:754");
    let within = |text: &str| token.within(&text.parse().expect("a snapshot"));
    assert!(within("753:758:754"));
    assert!(within("758:758:"));
    assert!(!within("753:758:754,756"));
    assert!(!within("754:757:754"));
}

#[test]
fn more_in_progress_than_a_token_lists_asks_for_more() {
    let many: Vec<Xid> = (10..1_010).map(Xid).collect();
    let token = Token::read(EPOCH, Snapshot::new(Xid(10), Xid(2_000), many).expect("within bounds"));
    assert!(token.to_string().len() < 64);
    assert!(token.within(&Snapshot::below(Xid(2_000))));
    assert!(!token.within(&"10:2000:11".parse().expect("a snapshot")));
}

#[test]
fn the_longest_token_is_read() {
    let sparse: Vec<Xid> = (1..=IN_PROGRESS_MAX as u64).map(|step| Xid(step << 55)).collect();
    let snapshot = Snapshot::new(Xid(1), Xid(u64::MAX), sparse).expect("within bounds");
    let token = Token::read(EPOCH, snapshot);
    assert!(token.to_string().len() <= TOKEN_BYTES_MAX);
    assert_eq!(Token::parse(&token.to_string(), EPOCH), Ok(token));
}

#[test]
fn each_refusal_says_what_to_do() {
    let token = read("753:758:754").to_string();
    assert_eq!(
        refusal(&token[1..]),
        "the token is damaged, or was never one of Rowcall's; send `rowcall-token` as it was received, or leave it out"
    );
    assert!(
        refusal(&"A".repeat(TOKEN_BYTES_MAX + 1)).starts_with("the token is longer than any of Rowcall's;")
    );
    let mut other = URL_SAFE_NO_PAD.decode(&token).expect("a token's text");
    other.truncate(other.len() - CHECKSUM_BYTES);
    other[0] = VERSION + 1;
    other.extend_from_slice(&checksum(&other));
    assert!(refusal(&URL_SAFE_NO_PAD.encode(other)).starts_with("the token was made by another version"));
    let foreign = Token::parse(&token, Epoch(1)).expect_err("another epoch");
    assert_eq!(foreign, Error::TokenForeign);
    assert!(foreign.to_string().contains("leave `rowcall-token` out"));
}

proptest! {
    #[test]
    fn any_token_goes_round_as_printable_ascii(epoch: u64, xid: u64, snapshot in snapshots()) {
        for token in [Token::wrote(Epoch(epoch), Xid(xid)), Token::read(Epoch(epoch), snapshot)] {
            let text = token.to_string();
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(Token::parse(&text, Epoch(epoch)), Ok(token));
        }
    }

    #[test]
    fn any_other_text_than_the_token_is_refused(text in damage::texts([read("753:758:754").to_string()])) {
        prop_assert_eq!(Token::parse(&text, EPOCH).is_ok(), text == read("753:758:754").to_string());
    }

    #[test]
    fn any_number_goes_round(number: u64) {
        let mut bytes = Vec::new();
        put(&mut bytes, number);
        let mut rest = &bytes[..];
        prop_assert_eq!((take(&mut rest), rest.len()), (Some(number), 0));
    }
}
