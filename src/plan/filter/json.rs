//! A comparison of something in a JSON document → a test that the literal's type decides.
//!
//! A missing key is no match, whatever is asked of it; neither is a value of another type, except
//! that it differs from the literal.

use bytes::Bytes;
use prost_reflect::Kind;

use super::lex::Word;
use super::predicate::{Inside, JsonTest, Operator, Predicate, Test, Value};
use super::test::{Ask, How, Subject, text_type};
use super::{Wrong, pattern, scalar};
use crate::plan::value::{Class, ValueType};
use crate::sql::{Param, oid};

pub fn bind(subject: Subject<'_>, rest: &[Word], ask: &Ask) -> Result<Predicate, Wrong> {
    if subject.value.inside != Inside::Whole {
        let why =
            format!("\"{}\" is JSON within a composite, which a filter does not look into", subject.name);
        return Err(Wrong::new(subject.start, why));
    }
    let keys = match rest {
        [] => None,
        rest => {
            let keys: Vec<String> = rest.iter().map(Word::whole).collect();
            for (word, key) in rest.iter().zip(&keys) {
                pattern::text(word, key)?;
            }
            Some(text_type().array(keys.iter().map(|key| Some(key.as_bytes()))))
        }
    };
    let is_document = keys.is_none() && subject.field_kind() == Some(Kind::String);
    let subject = Subject { value: Value { inside: Inside::Json(keys), ..subject.value.clone() }, ..subject };
    if ask.presence() {
        return Ok(ask.negated(subject.test(Test::Present)));
    }
    match ask.how {
        How::In => {
            let tests = ask.words.iter().map(|word| compare(&subject, Operator::Equal, word));
            scalar::any_of(tests.collect::<Result<_, _>>()?)
        }
        // A field that shows the document as a string is asked as strings are.
        How::Has if is_document => {
            let value = Value { inside: Inside::Text, ..subject.value.clone() };
            Ok(Predicate::Test { value, test: Test::Like(pattern::containing(&ask.words[0])?) })
        }
        How::Compare(operator @ (Operator::Equal | Operator::NotEqual)) if is_document => {
            let word = &ask.words[0];
            let bytes =
                jsonb_type().parse(&word.whole()).map_err(|e| scalar::malformed(&subject, word, &e))?;
            let param = Param { oid: oid::JSONB, value: Some(bytes) };
            Ok(differing(&subject, operator, subject.test(Test::Json(JsonTest::Equals(param)))))
        }
        How::Has => has(&subject, &ask.words[0]),
        How::Compare(operator) => compare(&subject, operator, &ask.words[0]),
    }
}

/// A literal in JSON's own types: quotes make a string, and so does what is nothing else.
enum Literal {
    String,
    /// true, false, null.
    Constant,
    Number,
}

fn literal(word: &Word) -> Literal {
    match word.whole().as_str() {
        _ if word.quoted => Literal::String,
        "true" | "false" | "null" => Literal::Constant,
        text if is_number(text) => Literal::Number,
        _ => Literal::String,
    }
}

/// Of any size: jsonb keeps every digit of what no double holds.
fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn compare(subject: &Subject<'_>, operator: Operator, word: &Word) -> Result<Predicate, Wrong> {
    let positive = match operator {
        Operator::NotEqual => Operator::Equal,
        other => other,
    };
    let test = match literal(word) {
        Literal::String if positive == Operator::Equal && (word.star_first || word.star_last) => {
            JsonTest::StringLike(pattern::starred(word)?)
        }
        Literal::String => JsonTest::String(positive, pattern::text(word, &word.whole())?),
        Literal::Number => {
            let bytes =
                number_type().parse(&word.whole()).map_err(|e| scalar::malformed(subject, word, &e))?;
            JsonTest::Number(positive, Param { oid: oid::NUMERIC, value: Some(bytes) })
        }
        Literal::Constant if positive == Operator::Equal => JsonTest::Equals(document(&word.whole())),
        Literal::Constant => {
            let why = format!("{} has no order to compare by: use = or !=", word.whole());
            return Err(Wrong::new(word.start, why));
        }
    };
    Ok(differing(subject, operator, subject.test(Test::Json(test))))
}

/// For `!=`: there is something, and it is not that.
fn differing(subject: &Subject<'_>, operator: Operator, equal: Predicate) -> Predicate {
    match operator {
        Operator::NotEqual => {
            Predicate::All(vec![subject.test(Test::Present), Predicate::Not(Box::new(equal))])
        }
        _ => equal,
    }
}

fn has(subject: &Subject<'_>, word: &Word) -> Result<Predicate, Wrong> {
    let test = match literal(word) {
        Literal::String => JsonTest::HoldsText {
            text: pattern::text(word, &word.text)?,
            pattern: pattern::containing(word)?,
        },
        Literal::Number | Literal::Constant => JsonTest::Holds(document(&word.whole())),
    };
    Ok(subject.test(Test::Json(test)))
}

/// A jsonb's binary form is a version and the text.
fn document(text: &str) -> Param {
    Param { oid: oid::JSONB, value: Some(Bytes::from([&[1], text.as_bytes()].concat())) }
}

fn jsonb_type() -> ValueType {
    ValueType { oid: oid::JSONB, array_oid: 0, cast: None, name: "jsonb".into(), class: Class::Jsonb }
}

fn number_type() -> ValueType {
    ValueType { oid: oid::NUMERIC, array_oid: 0, cast: None, name: "numeric".into(), class: Class::Numeric }
}
