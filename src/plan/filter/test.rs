//! What is asked of a column, and the column's type → tests of it.

use prost_reflect::{FieldDescriptor, Kind};

use super::lex::Word;
use super::predicate::{Inside, Operand, Operator, Predicate, Test, Value};
use super::scalar::{self, any_of};
use super::{Wrong, json, pattern};
use crate::contract;
use crate::nearest::nearest;
use crate::plan::order::ordered;
use crate::plan::value::{Class, Member, ValueType};

/// A comparison, without what is compared.
pub struct Ask {
    pub how: How,
    /// One, but for `in`.
    pub words: Vec<Word>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Has,
    In,
    Compare(Operator),
}

/// What a comparison is about.
pub struct Subject<'a> {
    pub value: Value,
    pub of: &'a ValueType,
    /// The field that shows it; its elements have the same.
    pub field: Option<FieldDescriptor>,
    pub deterministic: bool,
    /// The byte at which its path begins, and the path.
    pub start: usize,
    pub name: &'a str,
}

impl Ask {
    /// `field:*`, and its other spellings: whether there is a value at all.
    pub fn presence(&self) -> bool {
        let star = |word: &Word| !word.quoted && word.text.is_empty() && word.star_last;
        let asks = matches!(self.how, How::Has | How::Compare(Operator::Equal | Operator::NotEqual));
        asks && self.words.iter().all(star)
    }

    /// A predicate of equality, turned round when the question was `!=`.
    pub fn negated(&self, predicate: Predicate) -> Predicate {
        match self.how {
            How::Compare(Operator::NotEqual) => Predicate::Not(Box::new(predicate)),
            _ => predicate,
        }
    }

    /// Resource names are equal or not, and have no order.
    pub fn names(
        &self,
        name: &str,
        start: usize,
        present: impl Fn() -> Predicate,
        equals: impl Fn(&Word) -> Result<Predicate, Wrong>,
    ) -> Result<Predicate, Wrong> {
        if self.presence() {
            return Ok(self.negated(present()));
        }
        match self.how {
            How::In => Ok(Predicate::Any(self.words.iter().map(equals).collect::<Result<_, _>>()?)),
            How::Has | How::Compare(Operator::Equal | Operator::NotEqual) => {
                Ok(self.negated(equals(&self.words[0])?))
            }
            How::Compare(_) => Err(equality_only(name, start)),
        }
    }
}

pub fn equality_only(name: &str, start: usize) -> Wrong {
    Wrong::new(start, format!("\"{name}\" has no order to compare by: use = or !="))
}

pub fn bind(subject: Subject<'_>, rest: &[Word], ask: &Ask) -> Result<Predicate, Wrong> {
    match (&subject.of.class, rest) {
        (Class::Json | Class::Jsonb, _) => return json::bind(subject, rest, ask),
        (_, []) => {}
        (Class::Composite(members), [attribute, rest @ ..]) => {
            return bind(attribute_of(&subject, members, attribute)?, rest, ask);
        }
        (Class::Hstore, [key]) if subject.value.inside == Inside::Whole => {
            let text = text_type();
            let inside = Inside::Entry(pattern::text(key, &key.whole())?);
            let value = Value { inside, ..subject.value.clone() };
            return bind(Subject { value, of: &text, field: None, ..subject }, &[], ask);
        }
        (_, [first, ..]) => {
            return Err(Wrong::new(first.start, format!("\"{}\" has no fields", subject.name)));
        }
    }
    if ask.presence() {
        let test = match subject.of.class {
            Class::Array(_) => Test::Filled,
            _ => Test::Present,
        };
        return Ok(ask.negated(subject.test(test)));
    }
    match (&subject.of.class, ask.how) {
        (Class::Array(element), How::Has | How::In) => any_of(
            ask.words.iter().map(|word| self::element(&subject, element, word)).collect::<Result<_, _>>()?,
        ),
        (Class::Array(_), How::Compare(_)) => {
            let why =
                format!("\"{0}\" has many values; ask whether one is among them: {0}:\"x\"", subject.name);
            Err(Wrong::new(subject.start, why))
        }
        (Class::Hstore, How::Has) => {
            let word = &ask.words[0];
            Ok(subject.test(Test::Key(pattern::text(word, &word.whole())?)))
        }
        (Class::Hstore, _) => {
            let why = format!(
                "\"{0}\" is a map; ask for a key, {0}:\"x\", or compare what is behind it: {0}.x = \"y\"",
                subject.name
            );
            Err(Wrong::new(subject.start, why))
        }
        (Class::Range(element), How::Has) => covers(&subject, element, &ask.words[0]),
        (Class::Multirange(range), How::Has) => match &range.class {
            Class::Range(element) => covers(&subject, element, &ask.words[0]),
            _ => scalar::bind(&subject, ask),
        },
        _ => scalar::bind(&subject, ask),
    }
}

impl Subject<'_> {
    pub fn test(&self, test: Test) -> Predicate {
        Predicate::Test { value: self.value.clone(), test }
    }

    pub fn field_kind(&self) -> Option<Kind> {
        self.field.as_ref().map(FieldDescriptor::kind)
    }

    /// Whether the field is a message of this name.
    pub fn is_message(&self, full_name: &str) -> bool {
        matches!(self.field_kind(), Some(Kind::Message(message)) if message.full_name() == full_name)
    }
}

fn element(subject: &Subject<'_>, element: &ValueType, word: &Word) -> Result<Predicate, Wrong> {
    let of_element = Subject {
        value: subject.value.clone(),
        of: element,
        field: subject.field.clone(),
        deterministic: subject.deterministic,
        start: subject.start,
        name: subject.name,
    };
    if (word.star_first || word.star_last) && scalar::is_text(element) {
        scalar::check_pattern(&of_element)?;
        return Ok(subject.test(Test::ElementLike(pattern::starred(word)?)));
    }
    if !ordered(element) {
        let why = format!(
            "values of \"{}\" cannot be compared: Postgres has no = for {}",
            subject.name, element.name
        );
        return Err(Wrong::new(subject.start, why));
    }
    let operand = scalar::operand(&of_element, word)?;
    let same = subject.of.cast.is_none() && operand.cast.is_none() && operand.param.oid == element.oid;
    Ok(subject.test(if same { Test::Element(operand) } else { Test::Among(operand) }))
}

fn covers(subject: &Subject<'_>, element: &ValueType, word: &Word) -> Result<Predicate, Wrong> {
    let bytes = element.parse(&word.whole()).map_err(|e| scalar::malformed(subject, word, &e))?;
    let param = crate::sql::Param { oid: element.oid, value: Some(bytes) };
    Ok(subject.test(Test::Covers(Operand { param, cast: element.cast.clone() })))
}

/// The attribute that a field of the composite's message shows.
fn attribute_of<'a>(subject: &Subject<'a>, members: &'a [Member], word: &Word) -> Result<Subject<'a>, Wrong> {
    let name = word.whole();
    let message = match subject.field_kind() {
        Some(Kind::Message(message)) => message,
        _ => return Err(Wrong::new(word.start, format!("\"{}\" has no fields", subject.name))),
    };
    let unknown = || {
        let fields: Vec<String> = message.fields().map(|field| field.name().to_owned()).collect();
        let hint = match nearest(&name, fields.iter().map(String::as_str)) {
            Some(near) => format!("; did you mean \"{near}\"?"),
            None => String::new(),
        };
        Wrong::new(word.start, format!("no field \"{name}\" in {}{hint}", message.name()))
    };
    let field = message.get_field_by_name(&name).ok_or_else(unknown)?;
    let mut names = contract::column(&field).name;
    if names.is_empty() {
        names.push(name.clone());
    }
    let member =
        names.iter().find_map(|name| members.iter().find(|m| &m.name == name)).ok_or_else(unknown)?;
    let attribute = crate::sql::Identifier::new(&member.name);
    let inside = match &subject.value.inside {
        Inside::Attributes(outer) => Inside::Attributes([outer.as_slice(), &[attribute]].concat()),
        _ => Inside::Attributes(vec![attribute]),
    };
    Ok(Subject {
        value: Value { inside, ..subject.value.clone() },
        of: &member.value,
        field: Some(field),
        deterministic: subject.deterministic,
        start: subject.start,
        name: subject.name,
    })
}

pub fn text_type() -> ValueType {
    ValueType {
        oid: crate::sql::oid::TEXT,
        array_oid: crate::sql::oid::TEXT_ARRAY,
        cast: None,
        name: "text".into(),
        class: Class::Text,
    }
}
