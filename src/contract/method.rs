//! A method of the user's → the shape it is served by, or why it is not.

use std::path::Path;

use prost_reflect::{FieldDescriptor, MessageDescriptor, MethodDescriptor};

use super::annotation::Annotations;
use super::place::Places;
use super::request::{self, Standard};
use super::{Method, Problem, Resource, Shape, own, word};

/// What methods are recognised against.
pub struct Recognition<'a> {
    pub annotations: &'a Annotations,
    pub places: &'a Places,
    pub resources: &'a [Resource],
    /// Where the contract file's queries are.
    pub folder: &'a Path,
}

/// The first words of the names of methods that write, longest first.
const WRITES: [&str; 8] =
    ["BatchUndelete", "BatchCreate", "BatchUpdate", "BatchDelete", "Undelete", "Create", "Update", "Delete"];

impl Recognition<'_> {
    /// The method, and every problem of its own; the first is also its shape.
    pub fn recognise(&self, descriptor: MethodDescriptor) -> (Method, Vec<Problem>) {
        let place = self.places.place(&descriptor);
        match self.shape(&descriptor) {
            Ok((shape, keys)) => (Method { descriptor, shape: Ok(shape), keys, place }, Vec::new()),
            Err(problems) => {
                let first = problems.first().cloned();
                let first = first.unwrap_or_else(|| self.places.problem(&descriptor, "is not served"));
                (Method { descriptor, shape: Err(first), keys: Vec::new(), place }, problems)
            }
        }
    }

    fn shape(&self, method: &MethodDescriptor) -> Result<(Shape, Vec<FieldDescriptor>), Vec<Problem>> {
        let fail = |text: String| Err(vec![self.places.problem(method, text)]);
        if method.is_client_streaming() {
            return fail("takes a stream of requests, which no method does: take one request".to_owned());
        }
        let name = method.name();
        if method.output().full_name() == "google.longrunning.Operation" {
            return fail(
                "background work is not served yet: answer the result itself, or leave the method out"
                    .to_owned(),
            );
        }
        if let Some(option) = self.annotations.method(method) {
            let shape = own::shape(method, &option, self.folder);
            return shape.map(|shape| (shape, Vec::new())).or_else(fail);
        }
        if WRITES.iter().any(|verb| starts(name, verb)) {
            return fail("writes are not served yet: leave the method out, or call a function with (rowcall.v1.method)".to_owned());
        }
        let standard = [
            ("BatchGet", Standard::BatchGet),
            ("Get", Standard::Get),
            ("List", Standard::List),
            ("Stream", Standard::Stream),
        ];
        let Some((_, standard)) = standard.into_iter().find(|(verb, _)| starts(name, verb)) else {
            return fail(
                "has no shape that is known: begin its name with Get, BatchGet, List or Stream, or say with \
                 (rowcall.v1.method) which function or query answers it"
                    .to_owned(),
            );
        };
        self.standard(method, standard)
    }

    fn standard(
        &self,
        method: &MethodDescriptor,
        standard: Standard,
    ) -> Result<(Shape, Vec<FieldDescriptor>), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut reject = |text: &str| problems.push(self.places.problem(method, text));
        match (standard, method.is_server_streaming()) {
            (Standard::Stream, false) => {
                reject("answers one message: let it return a stream, or begin its name with List");
            }
            (Standard::Stream, true) | (_, false) => {}
            (_, true) => reject("returns a stream: let it return one message, or begin its name with Stream"),
        }
        let answer = if standard == Standard::Get {
            self.position(&method.output()).map(|resource| (resource, None)).ok_or_else(|| {
                let answer = method.output();
                vec![self.places.problem(method, format!(
                    "answers {}, which is no resource: give that message google.api.resource or (rowcall.v1.table)",
                    answer.name()
                ))]
            })
        } else {
            self.rows(method, standard).map(|(resource, rows)| (resource, Some(rows)))
        };
        let (resource, rows) = match answer {
            Ok(answer) => answer,
            Err(wrong) => {
                problems.extend(wrong);
                return Err(problems);
            }
        };
        let (keys, wrong) = request::check(&method.input(), standard, &self.resources[resource], self.places);
        problems.extend(wrong);
        if !problems.is_empty() {
            return Err(problems);
        }
        let shape = match (standard, rows) {
            (Standard::BatchGet, Some(rows)) => Shape::BatchGet { resource, rows },
            (Standard::List, Some(rows)) => Shape::List { resource, rows },
            (Standard::Stream, Some(rows)) => Shape::Stream { resource, rows },
            _ => Shape::Get { resource },
        };
        Ok((shape, keys))
    }

    /// The repeated field of an answer that holds resources; what stands beside it must be known.
    fn rows(
        &self,
        method: &MethodDescriptor,
        standard: Standard,
    ) -> Result<(usize, FieldDescriptor), Vec<Problem>> {
        let answer = method.output();
        let (mut rows, mut problems) = (Vec::new(), Vec::new());
        for field in answer.fields() {
            let kind = field.kind();
            let message = kind.as_message().filter(|_| field.is_list());
            if let Some(resource) = message.and_then(|message| self.position(message)) {
                rows.push((resource, field));
            } else if let Some(wrong) = beside(standard, &field) {
                problems.push(self.places.problem(&field, wrong));
            }
        }
        if rows.is_empty() {
            problems.clear();
        }
        if rows.len() != 1 {
            let text = format!(
                "answers {}, which has {} repeated resources: give it exactly one",
                answer.name(),
                if rows.is_empty() { "no".to_owned() } else { rows.len().to_string() }
            );
            problems.insert(0, self.places.problem(method, text));
        }
        match rows.pop() {
            Some(rows) if problems.is_empty() => Ok(rows),
            _ => Err(problems),
        }
    }

    fn position(&self, message: &MessageDescriptor) -> Option<usize> {
        self.resources.iter().position(|resource| resource.message == *message)
    }
}

/// What is wrong with a field that stands beside the rows of an answer.
fn beside(standard: Standard, field: &FieldDescriptor) -> Option<String> {
    let fields: &[(&str, &[&str])] = match standard {
        Standard::Get | Standard::BatchGet => &[],
        Standard::List => &[("next_page_token", &["string"]), ("total_size", &["int32", "int64"])],
        Standard::Stream => &[("resume_token", &["string"])],
    };
    let kind = word::kind(field);
    match fields.iter().find(|(name, _)| *name == field.name()) {
        Some((_, kinds)) if kinds.contains(&kind.as_str()) => None,
        Some((_, kinds)) => Some(format!("field is {kind}: use {}", kinds.join(" or "))),
        None => {
            let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
            let hint = crate::nearest::hint(field.name(), names.iter().copied());
            let may = if names.is_empty() { String::new() } else { format!(" and {}", names.join(", ")) };
            Some(format!("has no meaning in the answer of {standard}{hint}: it may have the rows{may}"))
        }
    }
}

/// `GetTrack` starts with `Get`, `Getter` does not.
fn starts(name: &str, verb: &str) -> bool {
    name.strip_prefix(verb).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_lowercase()))
}
