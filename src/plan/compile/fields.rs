//! A promised field → where it comes from: a column and its codec, a name, or a relation still to be settled.

use std::sync::Arc;

use prost_reflect::Kind;

use super::resources::{Draft, unreadable};
use super::{either, problem};
use crate::catalog::TableKind;
use crate::contract::{self, Role, Segment};
use crate::nearest;
use crate::plan::codec::FieldCodec;
use crate::plan::resource::{Field, NamePattern, NameSegment, Source};

pub(super) fn compile(draft: &mut Draft, names: &[NamePattern]) -> Vec<Field> {
    let promised = draft.promised;
    let mut relations = 0;
    let mut fields: Vec<Field> = Vec::new();
    for field in &promised.fields {
        let source = match &field.role {
            Role::Name => name(draft, field, names),
            Role::Reference(kind) => reference(draft, field, kind),
            Role::Column => column(draft, field),
            Role::Relation { .. } => {
                relations += 1;
                Some(Source::Relation(relations - 1))
            }
        };
        if let Some(source) = source {
            let name = Arc::from(field.descriptor.name());
            fields.push(Field { name, number: field.descriptor.number(), source });
        }
    }
    fields.sort_by_key(|field| field.number);
    fields
}

fn name(draft: &mut Draft, field: &contract::Field, names: &[NamePattern]) -> Option<Source> {
    if names.is_empty() {
        if draft.promised.patterns.is_empty() {
            complain(
                draft,
                field,
                "is the row's name, but the resource has no pattern: add (google.api.resource).pattern",
            );
        }
        return None;
    }
    Some(Source::Name)
}

fn column(draft: &mut Draft, field: &contract::Field) -> Option<Source> {
    let at = find(draft, field, &candidates(field))?;
    let column = &draft.table.columns[at];
    let fit =
        FieldCodec::choose(draft.catalog, column.type_oid, column.type_mod, &field.descriptor, &field.column);
    let fit = match fit {
        Ok(fit) => fit,
        Err(misfit) => {
            let text = format!("column {} {}", qualified(draft, at), misfit.text);
            complain(draft, field, text);
            return None;
        }
    };
    for loss in &fit.losses {
        lose(draft, field, format!("column {} {loss}", qualified(draft, at)));
    }
    let view = matches!(draft.table.kind, TableKind::View | TableKind::MaterializedView);
    if let Some(loss) = fit.codec.null_loss().filter(|_| !column.not_null && !view) {
        lose(draft, field, format!("column {} may be NULL, {loss}", qualified(draft, at)));
    }
    let column = draft.column(at);
    let unit = field.column.unit();
    Some(Source::Column { column, read: fit.read, codec: Arc::new(fit.codec), unit })
}

/// A reference is written by the first pattern of the resource it leads to that has as many
/// variables as the field has columns.
fn reference(draft: &mut Draft, field: &contract::Field, kind: &str) -> Option<Source> {
    if field.descriptor.kind() != Kind::String || field.descriptor.is_list() {
        return column(draft, field);
    }
    let contract = draft.contract;
    let Some(target) = contract.resources.iter().find(|r| r.kind.as_deref() == Some(kind)) else {
        let known = contract.resources.iter().filter_map(|r| r.kind.as_deref());
        let hint = nearest::hint(kind, known);
        complain(draft, field, format!("refers to {kind:?}, which no message of the contract is{hint}"));
        return None;
    };
    let variables_of = |pattern: &contract::Pattern| {
        pattern.segments.iter().filter(|s| matches!(s, Segment::Variable(_))).count()
    };
    let told = &field.column.name;
    let pattern = target.patterns.iter().find(|p| variables_of(p) == 1 || variables_of(p) == told.len());
    let Some(pattern) = pattern else {
        let text = format!(
            "refers to {kind:?}, whose names take several columns: give them all, in the pattern's order, by (rowcall.v1.column).name"
        );
        complain(draft, field, text);
        return None;
    };
    let columns: Vec<usize> = if variables_of(pattern) == 1 {
        let mut names = candidates(field);
        if told.is_empty() {
            names.push(format!("{}_id", field.descriptor.name()));
        }
        let at = find(draft, field, &names)?;
        vec![draft.column(at)]
    } else {
        let mut columns = Vec::new();
        for name in told {
            let at = find(draft, field, std::slice::from_ref(name))?;
            columns.push(draft.column(at));
        }
        columns
    };
    let mut left = columns.into_iter();
    let mut segments = Vec::new();
    for segment in &pattern.segments {
        segments.push(match segment {
            Segment::Literal(text) => NameSegment::Literal(text.clone()),
            Segment::Variable(variable) => {
                NameSegment::Variable { variable: variable.clone(), column: left.next()? }
            }
        });
    }
    let pattern = NamePattern { segments };
    if !field.descriptor.supports_presence() && pattern.columns().any(|c| draft.columns[c].nullable) {
        lose(draft, field, "may be NULL, which reads as an empty string: make the field optional".to_owned());
    }
    Some(Source::Reference(pattern))
}

fn candidates(field: &contract::Field) -> Vec<String> {
    match field.column.name.as_slice() {
        [] => vec![field.descriptor.name().to_owned()],
        told => told.to_vec(),
    }
}

fn find(draft: &mut Draft, field: &contract::Field, names: &[String]) -> Option<usize> {
    let table = draft.table;
    let found = names.iter().find_map(|name| table.column(name));
    let Some(at) = found else {
        let wanted = names.first().map_or("", String::as_str);
        let hint = nearest::hint(wanted, table.columns.iter().map(|c| c.name.as_str()));
        let text = format!(
            "table {:?} has no column {}{hint}: add it, or name another by (rowcall.v1.column).name",
            table.name,
            either(names)
        );
        complain(draft, field, text);
        return None;
    };
    if !table.columns[at].readable {
        let text = format!("{}, or leave the field out", unreadable(table, at));
        complain(draft, field, text);
        return None;
    }
    Some(at)
}

fn qualified(draft: &Draft, at: usize) -> String {
    format!("\"{}.{}\"", draft.table.name, draft.table.columns[at].name)
}

fn subject(draft: &Draft, field: &contract::Field) -> String {
    format!("{}.{}", draft.promised.message.name(), field.descriptor.name())
}

fn complain(draft: &mut Draft, field: &contract::Field, text: impl Into<String>) {
    let found = problem(&field.place, subject(draft, field), text);
    draft.problems.push(found);
}

fn lose(draft: &mut Draft, field: &contract::Field, text: String) {
    let found = problem(&field.place, subject(draft, field), text);
    draft.losses.push(found);
}
