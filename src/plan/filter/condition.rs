//! The parsed filter → a predicate: names are looked up, relations followed, the rest is `test`'s.

use aip_160::{Arg, Comparable, Comparator, Expression, Function, Member, Restriction};

use super::lex::{Source, Word};
use super::predicate::{Inside, Operator, Predicate, Test, Value};
use super::test::{Ask, How, Subject};
use super::{Limits, Wrong, name, test};
use crate::plan::Plans;
use crate::plan::name as names;
use crate::plan::open;
use crate::plan::path::{Found, fits, follow};
use crate::plan::relation::{Cardinality, Link};
use crate::plan::resource::Source as FieldSource;

pub struct Binder<'p> {
    plans: &'p Plans,
    resource: usize,
    source: &'p Source<'p>,
    terms_max: usize,
    terms: usize,
}

impl<'p> Binder<'p> {
    pub fn new(plans: &'p Plans, resource: usize, source: &'p Source<'p>, limits: &Limits) -> Self {
        Binder { plans, resource, source, terms_max: limits.terms_max, terms: 0 }
    }

    pub fn bind(&mut self, expression: &Expression) -> Result<Predicate, Wrong> {
        match expression {
            // Conditions side by side all hold: there is no ranking here that could differ.
            Expression::And(parts) | Expression::Sequence(parts) => Ok(Predicate::All(self.each(parts)?)),
            Expression::Or(parts) => Ok(Predicate::Any(self.each(parts)?)),
            Expression::Not(inner) => Ok(Predicate::Not(Box::new(self.bind(inner)?))),
            Expression::Restriction(restriction) => self.restriction(restriction),
            Expression::Global(Comparable::Function(function)) => self.function(function),
            Expression::Global(Comparable::Member(member)) => {
                let words = self.words(member);
                let first = words.first().map_or(0, |word| word.start);
                let text: Vec<String> = words.iter().map(Word::whole).collect();
                let why = format!(
                    "\"{0}\" stands alone; say what of it, as in {0}:* or title:\"{0}\"",
                    text.join(".")
                );
                Err(Wrong::new(first, why))
            }
        }
    }

    fn each(&mut self, parts: &[Expression]) -> Result<Vec<Predicate>, Wrong> {
        parts.iter().map(|part| self.bind(part)).collect()
    }

    fn restriction(&mut self, restriction: &Restriction) -> Result<Predicate, Wrong> {
        let words = match &restriction.comparable {
            Comparable::Member(member) => self.words(member),
            Comparable::Function(function) => return Err(self.no_function(function)),
        };
        let first = words.first().map_or(0, |word| word.start);
        let how = match restriction.comparator {
            Comparator::Equal => How::Compare(Operator::Equal),
            Comparator::NotEqual => How::Compare(Operator::NotEqual),
            Comparator::LessThan => How::Compare(Operator::Less),
            Comparator::LessThanOrEqual => How::Compare(Operator::LessOrEqual),
            Comparator::GreaterThan => How::Compare(Operator::Greater),
            Comparator::GreaterThanOrEqual => How::Compare(Operator::GreaterOrEqual),
            Comparator::Has => How::Has,
        };
        let value = self.literal(&restriction.arg, first)?;
        self.count(first, 1)?;
        self.field(self.resource, &words, &mut String::new(), &Ask { how, words: vec![value] })
    }

    /// `in(field, "a", "b")` is the one function.
    fn function(&mut self, function: &Function) -> Result<Predicate, Wrong> {
        let name = function.name.first().and_then(|name| self.source.word(name));
        let (Some(word), [_]) = (name, function.name.as_slice()) else {
            return Err(self.no_function(function));
        };
        if word.quoted || word.text != "in" {
            return Err(self.no_function(function));
        }
        let start = word.start;
        let [Arg::Comparable(Comparable::Member(field)), values @ ..] = function.args.as_slice() else {
            return Err(Wrong::new(start, "in takes a field and its values: in(field, \"a\", \"b\")"));
        };
        if values.is_empty() {
            return Err(Wrong::new(start, "in takes a field and its values: in(field, \"a\", \"b\")"));
        }
        self.count(start, values.len())?;
        let words = values.iter().map(|value| self.literal(value, start)).collect::<Result<Vec<_>, _>>()?;
        let field = self.words(field);
        self.field(self.resource, &field, &mut String::new(), &Ask { how: How::In, words })
    }

    fn no_function(&self, function: &Function) -> Wrong {
        let words: Vec<&Word> = function.name.iter().filter_map(|name| self.source.word(name)).collect();
        let start = words.first().map_or(0, |word| word.start);
        let name: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        Wrong::new(
            start,
            format!("no function \"{}\"; in(field, \"a\", \"b\") is the one there is", name.join(".")),
        )
    }

    fn count(&mut self, byte: usize, terms: usize) -> Result<(), Wrong> {
        self.terms += terms;
        match self.terms > self.terms_max {
            true => Err(Wrong::new(byte, format!("has more than {} comparisons", self.terms_max))),
            false => Ok(()),
        }
    }

    /// The words of a path or a value, as they stand between dots.
    fn words(&self, member: &Member) -> Vec<Word> {
        std::iter::once(&member.value)
            .chain(&member.fields)
            .filter_map(|placeholder| {
                let placeholder = placeholder.as_str();
                let mut word = self.source.word(placeholder)?.clone();
                if placeholder.starts_with('-') {
                    word.start -= 1;
                    word.text.insert(0, '-');
                }
                Some(word)
            })
            .collect()
    }

    /// A value. Without quotes it may have dots: `2.5`, `10.0.0.1`.
    fn literal(&self, arg: &Arg, at: usize) -> Result<Word, Wrong> {
        let words = match arg {
            Arg::Comparable(Comparable::Member(member)) => self.words(member),
            Arg::Comparable(Comparable::Function(function)) => return Err(self.no_function(function)),
            Arg::Composite(_) => {
                let why = "one value stands behind a comparison; for several write in(field, \"a\", \"b\")";
                return Err(Wrong::new(at, why));
            }
        };
        match words.as_slice() {
            [] => Err(Wrong::new(at, "a value is missing")),
            [word]
                if word.quoted
                    && word.start + 1 < word.end
                    && self.source.text[word.start..].starts_with('-') =>
            {
                Err(Wrong::new(word.start, "a minus does not stand in front of a string"))
            }
            [word] => Ok(word.clone()),
            words if words.iter().any(|word| word.quoted) => {
                Err(Wrong::new(words[0].start, "a dot does not stand beside a string"))
            }
            [first, .., last] => Ok(Word {
                start: first.start,
                end: last.end,
                quoted: false,
                text: self.source.text[first.start..last.end].to_owned(),
                star_first: false,
                star_last: false,
            }),
        }
    }

    /// `prefix` is the path that led from the filter's own resource to this one.
    fn field(
        &self,
        resource: usize,
        words: &[Word],
        prefix: &mut String,
        ask: &Ask,
    ) -> Result<Predicate, Wrong> {
        let names: Vec<String> = words.iter().map(Word::whole).collect();
        let segments: Vec<&str> = names.iter().map(String::as_str).collect();
        let start = words.first().map_or(0, |word| word.start);
        let found = follow(self.plans, resource, &segments).map_err(|astray| {
            Wrong::new(words.get(astray.segment).map_or(start, |w| w.start), astray.description)
        })?;
        if let Some(quoted) = words[..found.used].iter().find(|word| word.quoted) {
            return Err(Wrong::new(quoted.start, "a field's name has no quotes, and stands to the left"));
        }
        for segment in &segments[..found.used] {
            if !prefix.is_empty() {
                prefix.push('.');
            }
            prefix.push_str(segment);
        }
        let rest = &words[found.used..];
        if let FieldSource::Relation(relation) = found.field.source {
            let target = found.resource.relations[relation].target;
            fits(&self.plans.resources[target], &found.field.name).map_err(|why| Wrong::new(start, why))?;
        }
        if let (FieldSource::Relation(relation), [_, ..]) = (&found.field.source, rest) {
            let target = found.resource.relations[*relation].target;
            let holds = Some(Box::new(self.field(target, rest, prefix, ask)?));
            return Ok(Predicate::Exists { path: found.path, relation: *relation, holds });
        }
        self.is_open(start, prefix, rest)?;
        match &found.field.source {
            FieldSource::Relation(relation) => self.relation(start, &found, *relation, ask),
            FieldSource::Column { column, .. } => {
                let of = &found.resource.columns[*column];
                let subject = Subject {
                    value: Value { path: found.path, column: *column, inside: Inside::Whole },
                    of: &of.value,
                    field: found.resource.message.get_field(found.field.number),
                    deterministic: of.deterministic,
                    start,
                    name: prefix,
                };
                test::bind(subject, rest, ask)
            }
            FieldSource::Name | FieldSource::Reference(_) if !rest.is_empty() => {
                Err(Wrong::new(rest[0].start, format!("\"{prefix}\" is a name, and has no fields")))
            }
            FieldSource::Name => {
                let key = found.resource.key.iter().copied();
                ask.names(
                    prefix,
                    start,
                    || name::present(&found.path, key.clone()),
                    |word| {
                        let settle = |text: &str| names::own(found.resource, text);
                        name::equals(&found.path, found.resource, word, settle)
                    },
                )
            }
            FieldSource::Reference(pattern) => ask.names(
                prefix,
                start,
                || name::present(&found.path, pattern.columns()),
                |word| {
                    let settle = |text: &str| names::reference(found.resource, pattern, text);
                    name::equals(&found.path, found.resource, word, settle)
                },
            ),
        }
    }

    /// Of a relation itself it can be asked whether it leads anywhere.
    fn relation(&self, start: usize, found: &Found<'_>, at: usize, ask: &Ask) -> Result<Predicate, Wrong> {
        let name = &found.field.name;
        if !ask.presence() {
            let why = format!(
                "\"{name}\" is other rows; name a field of theirs, or ask whether there are any: {name}:*"
            );
            return Err(Wrong::new(start, why));
        }
        let relation = &found.resource.relations[at];
        let predicate = match (&relation.cardinality, &relation.link) {
            (Cardinality::Many { .. }, _) => {
                Predicate::Exists { path: found.path.clone(), relation: at, holds: None }
            }
            (Cardinality::One, Link::Direct(pairs)) => reached(found, at, pairs.iter().map(|(_, far)| *far)),
            (Cardinality::One, Link::Through { far, .. }) => {
                reached(found, at, far.iter().map(|(_, far)| *far))
            }
        };
        Ok(ask.negated(predicate))
    }

    fn is_open(&self, start: usize, path: &str, rest: &[Word]) -> Result<(), Wrong> {
        let rest: Vec<String> = rest.iter().map(Word::whole).collect();
        let segments: Vec<&str> = path.split('.').chain(rest.iter().map(String::as_str)).collect();
        open::check(
            self.plans,
            self.resource,
            &segments,
            |resource| resource.filter_fields.as_ref(),
            "filters",
        )
        .map_err(|why| Wrong::new(start, why))
    }
}

/// A row was joined: the columns it was joined by are there.
fn reached(found: &Found<'_>, relation: usize, far: impl Iterator<Item = usize>) -> Predicate {
    let path = [found.path.as_slice(), &[relation]].concat();
    let tests = far.map(|column| Predicate::Test {
        value: Value { path: path.clone(), column, inside: Inside::Whole },
        test: Test::Present,
    });
    Predicate::All(tests.collect())
}
