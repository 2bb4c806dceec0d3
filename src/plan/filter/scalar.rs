//! A comparison of a single value → a test, its literal a parameter of the column's type.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prost_reflect::{EnumDescriptor, Kind};

use super::lex::Word;
use super::predicate::{Inside, Operand, Operator, Predicate, Test, Value};
use super::test::{Ask, How, Subject, equality_only};
use super::{Wrong, pattern};
use crate::contract;
use crate::contract::options::Unit;
use crate::nearest::nearest;
use crate::plan::order::ordered;
use crate::plan::value::{Class, Malformed, ValueType, time};
use crate::sql::{Param, oid};

pub fn bind(subject: &Subject<'_>, ask: &Ask) -> Result<Predicate, Wrong> {
    match ask.how {
        How::In => {
            let tests = ask.words.iter().map(|word| compare(subject, Operator::Equal, word));
            merged(subject, tests.collect::<Result<_, _>>()?)
        }
        How::Has if is_shown_as_text(subject) => {
            check_pattern(subject)?;
            Ok(as_text(subject).test(Test::Like(pattern::containing(&ask.words[0])?)))
        }
        How::Has => compare(subject, Operator::Equal, &ask.words[0]),
        How::Compare(operator) => compare(subject, operator, &ask.words[0]),
    }
}

fn compare(subject: &Subject<'_>, operator: Operator, word: &Word) -> Result<Predicate, Wrong> {
    let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    if !equality && is_unordered(subject) {
        return Err(equality_only(subject.name, subject.start));
    }
    if equality && (word.star_first || word.star_last) && is_shown_as_text(subject) {
        check_pattern(subject)?;
        let like = as_text(subject).test(Test::Like(pattern::starred(word)?));
        return Ok(match operator {
            Operator::NotEqual => Predicate::Not(Box::new(like)),
            _ => like,
        });
    }
    if let Some(unit) = unit(subject) {
        return duration(subject, operator, word, unit);
    }
    if !ordered(subject.of) {
        // Without an = of its own a value is compared as Postgres writes it.
        check_present(word)?;
        let operand = Operand { param: pattern::text(word, &word.whole())?, cast: None };
        return Ok(as_text(subject).test(Test::Compare(operator, operand)));
    }
    Ok(subject.test(Test::Compare(operator, operand(subject, word)?)))
}

/// A literal in the column's own type.
pub fn operand(subject: &Subject<'_>, word: &Word) -> Result<Operand, Wrong> {
    check_present(word)?;
    let text = word.whole();
    let own = |bytes: Bytes| Operand {
        param: Param { oid: subject.of.oid, value: Some(bytes) },
        cast: subject.of.cast.clone(),
    };
    match (&subject.of.class, subject.field_kind()) {
        (Class::Enum(labels), Some(Kind::Enum(of))) => Ok(own(label(word, &text, &of, labels)?)),
        (Class::Int2 | Class::Int4 | Class::Int8, Some(Kind::Enum(of))) => {
            Ok(integer(i64::from(number(word, &text, &of)?)))
        }
        (Class::Int2 | Class::Int4 | Class::Int8 | Class::Oid, _) => match subject.of.parse(&text) {
            Ok(bytes) => Ok(own(bytes)),
            // A fraction, or a number out of range, can be compared with all the same.
            Err(malformed) => match numeric_type().parse(&text) {
                Ok(bytes) => {
                    Ok(Operand { param: Param { oid: oid::NUMERIC, value: Some(bytes) }, cast: None })
                }
                Err(_) => Err(self::malformed(subject, word, &malformed)),
            },
        },
        (Class::Bytea, _) => match (subject.of.parse(&text), STANDARD.decode(&text)) {
            (Ok(bytes), _) => Ok(own(bytes)),
            (Err(_), Ok(bytes)) => Ok(own(bytes.into())),
            (Err(malformed), Err(_)) => Err(self::malformed(subject, word, &malformed)),
        },
        _ => subject.of.parse(&text).map(own).map_err(|e| malformed(subject, word, &e)),
    }
}

pub fn malformed(subject: &Subject<'_>, word: &Word, malformed: &Malformed) -> Wrong {
    Wrong::new(
        word.start,
        format!("\"{}\" {}, as \"{}\" wants it", word.whole(), malformed.text, subject.name),
    )
}

/// Equalities of one value become one test with one array, so that the text of the statement does
/// not depend on how many there are.
fn merged(subject: &Subject<'_>, tests: Vec<Predicate>) -> Result<Predicate, Wrong> {
    let values: Option<Vec<&[u8]>> = tests
        .iter()
        .map(|predicate| match predicate {
            Predicate::Test { test: Test::Compare(Operator::Equal, operand), .. }
                if operand.param.oid == subject.of.oid && subject.of.array_oid != 0 =>
            {
                operand.param.value.as_deref()
            }
            _ => None,
        })
        .collect();
    match values {
        Some(values) if ordered(subject.of) => {
            let param = subject.of.array(values.into_iter().map(Some));
            let cast = subject.of.cast.as_ref().map(|cast| format!("{cast}[]"));
            Ok(subject.test(Test::In(Operand { param, cast })))
        }
        _ => any_of(tests),
    }
}

pub fn any_of(mut tests: Vec<Predicate>) -> Result<Predicate, Wrong> {
    match tests.len() {
        1 => Ok(tests.remove(0)),
        _ => Ok(Predicate::Any(tests)),
    }
}

/// `null` is no value: absence is asked for otherwise.
fn check_present(word: &Word) -> Result<(), Wrong> {
    match !word.quoted && word.text == "null" {
        true => Err(Wrong::new(word.start, "null is no value; NOT field:* finds what is absent")),
        false => Ok(()),
    }
}

/// Under a nondeterministic collation Postgres has no LIKE.
pub fn check_pattern(subject: &Subject<'_>) -> Result<(), Wrong> {
    match subject.deterministic {
        true => Ok(()),
        false => {
            let why = format!(
                "\"{}\" cannot be matched in part: its collation is nondeterministic; compare all of it with =",
                subject.name
            );
            Err(Wrong::new(subject.start, why))
        }
    }
}

pub fn is_text(of: &ValueType) -> bool {
    matches!(of.class, Class::Text | Class::Name) && ordered(of)
}

/// Whether a caller sees a string, parts of which can be matched.
fn is_shown_as_text(subject: &Subject<'_>) -> bool {
    let string = subject.field_kind().is_none_or(|kind| kind == Kind::String);
    let textual = matches!(
        subject.of.class,
        Class::Text
            | Class::Name
            | Class::Ltree
            | Class::Uuid
            | Class::Inet
            | Class::Cidr
            | Class::Macaddr
            | Class::Other
    );
    string && textual
}

/// The value as Postgres writes it, where it is no text already.
fn as_text<'a>(subject: &Subject<'a>) -> Subject<'a> {
    let inside = match &subject.value.inside {
        Inside::Whole if !is_text(subject.of) => Inside::Text,
        other => other.clone(),
    };
    Subject {
        value: Value { inside, ..subject.value.clone() },
        of: subject.of,
        field: subject.field.clone(),
        deterministic: subject.deterministic,
        start: subject.start,
        name: subject.name,
    }
}

/// Equal or not is all that can be asked of these.
fn is_unordered(subject: &Subject<'_>) -> bool {
    let shown_as_enum = matches!(subject.field_kind(), Some(Kind::Enum(_)));
    shown_as_enum || matches!(subject.of.class, Class::Bool | Class::Enum(_)) || !ordered(subject.of)
}

/// The unit of an integer that is shown as a duration.
fn unit(subject: &Subject<'_>) -> Option<Unit> {
    let integer = matches!(subject.of.class, Class::Int2 | Class::Int4 | Class::Int8);
    let field =
        subject.field.as_ref().filter(|_| integer && subject.is_message("google.protobuf.Duration"))?;
    Some(contract::column(field).unit())
}

/// A length of time that is no whole number of units lies between two of them.
fn duration(subject: &Subject<'_>, operator: Operator, word: &Word, unit: Unit) -> Result<Predicate, Wrong> {
    const NANOS: i128 = 1_000_000_000;
    let nanos_per_unit: i128 = match unit {
        Unit::Nanoseconds => 1,
        Unit::Microseconds => 1_000,
        Unit::Milliseconds => 1_000_000,
        Unit::Unspecified | Unit::Seconds => NANOS,
        Unit::Minutes => 60 * NANOS,
        Unit::Hours => 3_600 * NANOS,
        Unit::Days => 86_400 * NANOS,
    };
    check_present(word)?;
    let (seconds, nanos) = time::parse_duration(&word.whole()).ok_or_else(|| {
        let why = format!(
            "\"{}\" is no duration, as \"{}\" wants it: write seconds, as 200s or 1.5s",
            word.whole(),
            subject.name
        );
        Wrong::new(word.start, why)
    })?;
    let total = i128::from(seconds) * NANOS + i128::from(nanos);
    let (whole, rest) = (total.div_euclid(nanos_per_unit), total.rem_euclid(nanos_per_unit));
    let (operator, whole) = match (operator, i64::try_from(whole)) {
        (operator, Ok(whole)) if rest == 0 => (operator, whole),
        // Nothing equals it, and everything differs from it.
        (Operator::Equal, _) => return Ok(Predicate::Any(Vec::new())),
        (Operator::NotEqual, _) => return Ok(Predicate::All(Vec::new())),
        (Operator::Less | Operator::LessOrEqual, Ok(below)) => (Operator::LessOrEqual, below),
        (Operator::Greater | Operator::GreaterOrEqual, Ok(below)) => (Operator::Greater, below),
        (operator, Err(_)) => (operator, if total < 0 { i64::MIN } else { i64::MAX }),
    };
    Ok(subject.test(Test::Compare(operator, integer(whole))))
}

/// An int8, which compares with every integer type and loses none of their indexes.
fn integer(value: i64) -> Operand {
    let bytes = Bytes::copy_from_slice(&value.to_be_bytes());
    Operand { param: Param { oid: oid::INT8, value: Some(bytes) }, cast: None }
}

/// The number of an enum's value, by name or by number.
fn number(word: &Word, text: &str, of: &EnumDescriptor) -> Result<i32, Wrong> {
    if let Some(value) = of.get_value_by_name(text) {
        return Ok(value.number());
    }
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let names: Vec<String> = of.values().map(|value| value.name().to_owned()).collect();
    let hint = match nearest(text, names.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean {near}?"),
        None => String::new(),
    };
    Err(Wrong::new(word.start, format!("\"{text}\" is no value of {}{hint}", of.name())))
}

/// The Postgres label behind an enum's value.
fn label(word: &Word, text: &str, of: &EnumDescriptor, labels: &[String]) -> Result<Bytes, Wrong> {
    let number = number(word, text, of)?;
    match crate::plan::codec::label(number, of, labels) {
        Some(label) => Ok(Bytes::copy_from_slice(label.as_bytes())),
        None => {
            let why = format!("{text} stands for no label, so no row has it");
            Err(Wrong::new(word.start, why))
        }
    }
}

fn numeric_type() -> ValueType {
    ValueType { oid: oid::NUMERIC, array_oid: 0, cast: None, name: "numeric".into(), class: Class::Numeric }
}
