//! Annotated messages → resources, each field with its role.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use super::annotation::{Annotations, Declared};
use super::place::Places;
use super::{Field, Pattern, Problem, Resource, Role, import, options, table, word};

/// Everything that is known before the fields are looked at.
struct Survey<'a> {
    annotations: &'a Annotations,
    places: &'a Places,
    /// Full names of messages → positions.
    positions: HashMap<String, usize>,
    /// Kinds → whether rows of that kind have names; kinds without a message do not count as rows.
    kinds: BTreeMap<String, Named>,
    problems: Vec<Problem>,
}

#[derive(Clone, Copy, PartialEq)]
enum Named {
    ByPattern,
    ByKey,
    Elsewhere,
}

/// Resources in the order of their files; every problem of theirs is appended to `problems`.
pub fn resources(
    pool: &DescriptorPool,
    annotations: &Annotations,
    places: &Places,
    problems: &mut Vec<Problem>,
) -> Vec<Resource> {
    let mut survey = Survey {
        annotations,
        places,
        positions: HashMap::new(),
        kinds: BTreeMap::new(),
        problems: Vec::new(),
    };
    let mut found = Vec::new();
    for file in pool.files().filter(|file| !import::is_foreign(file.name())) {
        for kind in annotations.definitions(&file) {
            survey.kinds.insert(kind, Named::Elsewhere);
        }
        let mut messages: Vec<_> = file.messages().collect();
        while !messages.is_empty() {
            let nested =
                messages.iter().flat_map(|message| message.child_messages().collect::<Vec<_>>()).collect();
            found.extend(std::mem::replace(&mut messages, nested));
        }
    }
    let mut resources: Vec<Resource> = Vec::new();
    let mut declarations = Vec::new();
    for message in found {
        let (declared, table) = (annotations.resource(&message), annotations.table(&message));
        if declared.is_none() && table.is_none() {
            survey.forbid_options(&message);
            continue;
        }
        let resource = survey.declare(message, declared.as_ref(), table.unwrap_or_default(), &resources);
        survey.positions.insert(resource.message.full_name().to_owned(), resources.len());
        resources.push(resource);
        declarations.push(declared);
    }
    for (resource, declared) in resources.iter_mut().zip(&declarations) {
        let name = survey.name_field(resource, declared.as_ref());
        resource.fields = resource.message.fields().map(|field| survey.field(field, name.as_ref())).collect();
        survey.problems.extend(table::check(resource, places));
    }
    problems.append(&mut survey.problems);
    resources
}

impl Survey<'_> {
    fn declare(
        &mut self,
        message: MessageDescriptor,
        declared: Option<&Declared>,
        table: options::Table,
        others: &[Resource],
    ) -> Resource {
        let mut patterns = Vec::new();
        for text in declared.iter().flat_map(|declared| &declared.patterns) {
            match Pattern::parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => self.reject(&message, format!("pattern \"{text}\" {error}")),
            }
        }
        let kind = declared.map(|declared| declared.kind.clone());
        if let Some(kind) = &kind {
            let named = if declared.is_some_and(|declared| declared.patterns.is_empty()) {
                Named::ByKey
            } else {
                Named::ByPattern
            };
            self.declare_kind(&message, kind, named, others);
        }
        let table_names = table_names(&message, declared, patterns.first());
        let place = self.places.place(&message);
        Resource { message, kind, patterns, table_names, table, fields: Vec::new(), place }
    }

    fn declare_kind(&mut self, message: &MessageDescriptor, kind: &str, named: Named, others: &[Resource]) {
        if kind.split('/').filter(|part| !part.is_empty()).count() != 2 || kind.matches('/').count() != 1 {
            let text = format!(
                "resource type \"{kind}\" is not of the form domain/Kind: write one as example.com/Track"
            );
            return self.reject(message, text);
        }
        if let Some(other) = others.iter().find(|other| other.kind.as_deref() == Some(kind)) {
            let other = super::place::subject(&other.message);
            return self.reject(
                message,
                format!("resource type \"{kind}\" is {other}'s already: give each its own"),
            );
        }
        self.kinds.insert(kind.to_owned(), named);
    }

    /// The field that holds the row's own name; only patterns make one.
    fn name_field(&mut self, resource: &Resource, declared: Option<&Declared>) -> Option<FieldDescriptor> {
        let declared = declared.filter(|declared| !declared.patterns.is_empty())?;
        let message = &resource.message;
        let field = if declared.name_field.is_empty() {
            let marked = message.fields().find(|field| self.annotations.is_identifier(field));
            marked.or_else(|| message.get_field_by_name("name"))
        } else {
            message.get_field_by_name(&declared.name_field)
        };
        let Some(field) = field else {
            let name = if declared.name_field.is_empty() { "name" } else { &declared.name_field };
            self.reject(message, format!(
                "has a pattern but no field \"{name}\" for it: add string {name}, or leave the pattern out and name rows by key fields"
            ));
            return None;
        };
        if field.kind() != Kind::String || field.is_list() {
            self.reject(&field, format!("holds the row's name, field is {}: use string", word::kind(&field)));
        }
        Some(field)
    }

    fn field(&mut self, field: FieldDescriptor, name: Option<&FieldDescriptor>) -> Field {
        let column = self.annotations.column(&field);
        let role = if name == Some(&field) {
            if column.is_some() {
                self.reject(
                    &field,
                    "is the row's name, which the pattern makes: leave (rowcall.v1.column) out",
                );
            }
            Role::Name
        } else {
            self.role(&field, column.as_ref())
        };
        self.check_column(&field, column.as_ref());
        let place = self.places.place(&field);
        Field { descriptor: field, role, column: column.unwrap_or_default(), place }
    }

    fn role(&mut self, field: &FieldDescriptor, column: Option<&options::Column>) -> Role {
        let options = self.annotations.relation(field);
        if let Some(resource) = self.target(field) {
            if column.is_some() {
                self.reject(field, "is a relation, which has no column: use (rowcall.v1.relation)");
            }
            let options = options.unwrap_or_default();
            self.check_relation(field, &options);
            return Role::Relation { resource, options };
        }
        if options.is_some() {
            let kind = word::kind(field);
            self.reject(field, format!(
                "has (rowcall.v1.relation), but {kind} is no resource: give that message (rowcall.v1.table), or leave the option out"
            ));
        }
        match self.annotations.reference(field) {
            Some(kind) if kind != "*" => self.reference(field, kind),
            _ => Role::Column,
        }
    }

    fn target(&self, field: &FieldDescriptor) -> Option<usize> {
        let kind = field.kind();
        let message = kind.as_message().filter(|_| !field.is_map())?;
        self.positions.get(message.full_name()).copied()
    }

    fn reference(&mut self, field: &FieldDescriptor, kind: String) -> Role {
        match self.kinds.get(&kind) {
            Some(Named::Elsewhere) => return Role::Column,
            Some(Named::ByKey) => self.reject(field, format!(
                "refers to \"{kind}\", which has no pattern: give that resource one, or leave the reference out"
            )),
            Some(Named::ByPattern) if field.kind() != Kind::String || field.is_list() => {
                self.reject(field, format!("refers to another row, field is {}: use string", word::kind(field)));
            }
            Some(Named::ByPattern) => {}
            None => {
                let hint = crate::nearest::hint(&kind, self.kinds.keys().map(String::as_str));
                self.reject(field, format!(
                    "refers to \"{kind}\", which no message declares{hint}: correct the type, or declare it with google.api.resource"
                ));
            }
        }
        Role::Reference(kind)
    }

    fn check_column(&mut self, field: &FieldDescriptor, column: Option<&options::Column>) {
        let Some(column) = column else { return };
        if column.name.iter().any(String::is_empty) {
            self.reject(field, "has an empty column name: write it, or leave it out for the field's own");
        }
        let is_duration =
            field.kind().as_message().is_some_and(|kind| kind.full_name() == "google.protobuf.Duration");
        if column.unit != options::Unit::Unspecified as i32 && !is_duration {
            self.reject(
                field,
                format!(
                    "has a unit, field is {}: use google.protobuf.Duration, or leave the unit out",
                    word::kind(field)
                ),
            );
        }
    }

    fn check_relation(&mut self, field: &FieldDescriptor, relation: &options::Relation) {
        if relation.limit < 0 {
            self.reject(
                field,
                format!("has the limit {}: use a positive one, or none for 100", relation.limit),
            );
        }
        let many = [
            ("limit", relation.limit != 0),
            ("order_by", !relation.order_by.is_empty()),
            ("through", !relation.through.is_empty()),
        ];
        for (option, _) in many.iter().filter(|(_, given)| *given && !field.is_list()) {
            self.reject(
                field,
                format!("leads to one row, where {option} says nothing: make it repeated, or leave that out"),
            );
        }
    }

    /// Options on the fields of a message that is no resource: only columns make sense, for rows of functions and queries.
    fn forbid_options(&mut self, message: &MessageDescriptor) {
        for field in message.fields() {
            let column = self.annotations.column(&field);
            self.check_column(&field, column.as_ref());
            if self.annotations.relation(&field).is_some() {
                self.reject(&field, "has (rowcall.v1.relation), but its message is no resource: give the message (rowcall.v1.table)");
            }
        }
    }

    fn reject(&mut self, at: &impl super::place::Placed, text: impl Into<String>) {
        self.problems.push(self.places.problem(at, text));
    }
}

fn table_names(
    message: &MessageDescriptor,
    declared: Option<&Declared>,
    pattern: Option<&Pattern>,
) -> Vec<String> {
    let given = |text: &str| Some(text).filter(|text| !text.is_empty()).map(word::snake);
    let singular = declared
        .and_then(|declared| given(&declared.singular))
        .unwrap_or_else(|| word::snake(message.name()));
    let plural = declared.and_then(|declared| given(&declared.plural));
    let collection = pattern.and_then(|pattern| pattern.collection()).map(word::snake);
    let plurals = match plural {
        Some(plural) => vec![plural],
        None => vec![word::plural(&singular), collection.unwrap_or_default()],
    };
    let mut seen = BTreeSet::new();
    let names = plurals.into_iter().chain([singular]).filter(|name| !name.is_empty());
    names.filter(|name| seen.insert(name.clone())).collect()
}
