//! A text and the stars around it → a LIKE pattern.

use bytes::Bytes;

use super::Wrong;
use super::lex::Word;
use crate::sql::{Param, oid};

/// The text anywhere: what `:` asks of a string.
pub fn containing(word: &Word) -> Result<Param, Wrong> {
    like(word, "%", "%")
}

/// The text with anything where a star stands.
pub fn starred(word: &Word) -> Result<Param, Wrong> {
    let star = |star: bool| if star { "%" } else { "" };
    like(word, star(word.star_first), star(word.star_last))
}

fn like(word: &Word, before: &str, after: &str) -> Result<Param, Wrong> {
    let mut pattern = String::with_capacity(word.text.len() + 2);
    pattern.push_str(before);
    for c in word.text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push_str(after);
    text(word, &pattern)
}

/// A text as a parameter; U+0000 is the one character that Postgres cannot store.
pub fn text(word: &Word, text: &str) -> Result<Param, Wrong> {
    if text.contains('\0') {
        return Err(Wrong::new(word.start, "has U+0000, which no text in Postgres has"));
    }
    Ok(Param { oid: oid::TEXT, value: Some(Bytes::copy_from_slice(text.as_bytes())) })
}
