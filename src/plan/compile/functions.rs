//! A method of the user's own and its Postgres function or file of SQL → arguments and a row's shape.

use std::sync::Arc;

use prost_reflect::{FieldDescriptor, MessageDescriptor, MethodDescriptor};

use super::either;
use crate::catalog::{self, Attribute, Catalog, Oid, Volatility};
use crate::contract::{self, options};
use crate::nearest;
use crate::plan::Plans;
use crate::plan::codec::{self, FieldCodec};
use crate::plan::method::{Answer, Argument, Function, FunctionCall, RowColumn, RowShape};
use crate::plan::projection::{Projection, Written, WrittenValue};
use crate::plan::resource::{NamePattern, Read, Source};
use crate::plan::value::ValueType;
use crate::sql::Identifier;

pub(super) fn routine(
    promised: &contract::Method,
    name: &str,
    answer: contract::Answer,
    plans: &Plans,
    catalog: &Catalog,
) -> Result<Function, String> {
    let function = find(name, &promised.descriptor, catalog)?;
    if !function.executable {
        return Err(format!("the role may not EXECUTE function {name:?}: GRANT it"));
    }
    if let Some(unnamed) = function.arguments.iter().position(|a| a.name.is_empty()) {
        return Err(format!(
            "argument {} of function {name:?} has no name: name it, for request fields are its arguments by name",
            unnamed + 1
        ));
    }
    let of = |argument: &catalog::Argument| {
        let settled = self::argument(&promised.descriptor, &argument.name, argument.type_oid, catalog)?;
        Ok(Argument { optional: argument.has_default, ..settled })
    };
    let arguments: Vec<Argument> = function.arguments.iter().map(of).collect::<Result<_, String>>()?;
    arguments_agree(&promised.descriptor, &arguments, &format!("function {name:?}"))?;
    let call = format!("{}.{}", Identifier::new(&function.schema), Identifier::new(&function.name));
    Ok(Function {
        call: FunctionCall::Routine(call),
        arguments,
        row: row(&answer, &function.columns, plans, catalog)?,
        answer: settle(&answer),
        volatile: function.volatility == Volatility::Volatile,
    })
}

/// Whether Postgres has not been told that the function only reads.
pub(super) fn may_write(promised: &contract::Method, name: &str, catalog: &Catalog) -> bool {
    find(name, &promised.descriptor, catalog).is_ok_and(|found| found.volatility == Volatility::Volatile)
}

pub(super) fn query(
    promised: &contract::Method,
    path: &str,
    answer: contract::Answer,
    plans: &Plans,
    catalog: &Catalog,
) -> Result<Function, String> {
    let described = match catalog.queries.get(path) {
        Some(Ok(described)) => described,
        Some(Err(text)) => return Err(format!("query {path:?}: {text}")),
        None => return Err(format!("query {path:?} was not described")),
    };
    let of = |argument: &Attribute| {
        self::argument(&promised.descriptor, &argument.name, argument.type_oid, catalog)
    };
    let arguments: Vec<Argument> = described.arguments.iter().map(of).collect::<Result<_, _>>()?;
    arguments_agree(&promised.descriptor, &arguments, &format!("query {path:?}"))?;
    Ok(Function {
        call: FunctionCall::Query(Arc::from(described.text.as_str())),
        arguments,
        row: row(&answer, &described.columns, plans, catalog)?,
        answer: settle(&answer),
        volatile: false,
    })
}

/// Of several functions of one name, the one whose arguments are the request's fields.
fn find<'a>(
    name: &str,
    method: &MethodDescriptor,
    catalog: &'a Catalog,
) -> Result<&'a catalog::Function, String> {
    let named: Vec<&catalog::Function> = match name.split_once('.') {
        Some((schema, name)) => {
            catalog.functions.iter().filter(|f| f.schema == schema && f.name == name).collect()
        }
        None => catalog
            .server
            .search_path
            .iter()
            .map(|schema| catalog.functions.iter().filter(|f| f.schema == *schema && f.name == name))
            .map(|found| found.collect::<Vec<_>>())
            .find(|found| !found.is_empty())
            .unwrap_or_default(),
    };
    let input = method.input();
    let takes = |function: &&catalog::Function| {
        let known = |field: FieldDescriptor| function.arguments.iter().any(|a| a.name == field.name());
        let given = |a: &catalog::Argument| a.has_default || input.get_field_by_name(&a.name).is_some();
        input.fields().all(known) && function.arguments.iter().all(given)
    };
    match named.as_slice() {
        [] => {
            let hint = nearest::hint(name, catalog.functions.iter().map(|f| f.name.as_str()));
            Err(format!(
                "no function {name:?} in the search path ({}){hint}: create it, or correct (rowcall.v1.method).routine",
                catalog.server.search_path.join(", ")
            ))
        }
        [only] => Ok(only),
        several => match several.iter().copied().filter(takes).collect::<Vec<_>>().as_slice() {
            [one] => Ok(one),
            _ => Err(format!(
                "{} functions are called {name:?} and not exactly one takes the request's fields: give that one a name of its own",
                several.len()
            )),
        },
    }
}

/// An argument and the request field that gives it, which by the type table have to fit each other.
fn argument(
    method: &MethodDescriptor,
    name: &str,
    type_oid: Oid,
    catalog: &Catalog,
) -> Result<Argument, String> {
    let field = method.input().get_field_by_name(name);
    let value = match &field {
        Some(field) => codec::argument(catalog, type_oid, field, &contract::column(field))
            .map_err(|misfit| format!("argument {name:?} {}", misfit.text))?,
        None => ValueType::of(catalog, type_oid),
    };
    Ok(Argument { name: name.to_owned(), value, field, optional: false })
}

fn arguments_agree(method: &MethodDescriptor, arguments: &[Argument], what: &str) -> Result<(), String> {
    let input = method.input();
    for field in input.fields() {
        if !arguments.iter().any(|argument| argument.name == field.name()) {
            let hint = nearest::hint(field.name(), arguments.iter().map(|a| a.name.as_str()));
            return Err(format!(
                "request field {:?} is no argument of {what}{hint}: remove it, or add the argument",
                field.name()
            ));
        }
    }
    for argument in arguments {
        if argument.field.is_none() && !argument.optional {
            return Err(format!("argument {:?} of {what} has no request field: add one", argument.name));
        }
    }
    Ok(())
}

fn settle(answer: &contract::Answer) -> Answer {
    match answer {
        contract::Answer::Message(_) => Answer::Message,
        contract::Answer::Repeated(field) => Answer::Repeated { number: field.number() },
        contract::Answer::StreamOfMessages(_) => Answer::StreamOfMessages,
        contract::Answer::StreamOfChunks(field) => Answer::StreamOfChunks { number: field.number() },
    }
}

fn row(
    answer: &contract::Answer,
    columns: &[Attribute],
    plans: &Plans,
    catalog: &Catalog,
) -> Result<RowShape, String> {
    let message = match answer {
        contract::Answer::Message(message) | contract::Answer::StreamOfMessages(message) => message.clone(),
        contract::Answer::Repeated(field) | contract::Answer::StreamOfChunks(field) => match field.kind() {
            prost_reflect::Kind::Message(message) => message,
            _ => return Err(format!("field {:?} holds the rows, so it has to be a message", field.name())),
        },
    };
    let mut shape = Shape { columns, catalog, selected: Vec::new() };
    let fields = match plans.resources.iter().find(|r| r.message == message) {
        Some(resource) => shape.resource(resource)?,
        None => shape.message(&message)?,
    };
    let projection = Projection::of_row(fields);
    Ok(RowShape { columns: shape.selected, projection })
}

/// Collects the result columns that fields read.
struct Shape<'a> {
    columns: &'a [Attribute],
    catalog: &'a Catalog,
    selected: Vec<RowColumn>,
}

impl Shape<'_> {
    /// A row that is a resource: as from its table, but for relations.
    fn resource(&mut self, resource: &crate::plan::Resource) -> Result<Vec<Written>, String> {
        let contract_field = |number| resource.message.get_field(number);
        let mut fields = Vec::new();
        for field in &resource.fields {
            let value = match &field.source {
                Source::Relation(_) => continue,
                Source::Name => self.name(resource, &resource.names[0])?,
                Source::Reference(pattern) => self.name(resource, pattern)?,
                Source::Column { column, .. } => {
                    let Some(descriptor) = contract_field(field.number) else { continue };
                    let name = resource.columns[*column].name.as_str();
                    self.column(&descriptor, &[name.to_owned()])?
                }
            };
            fields.push(Written { name: field.name.clone(), number: field.number, value });
        }
        Ok(fields)
    }

    fn message(&mut self, message: &MessageDescriptor) -> Result<Vec<Written>, String> {
        let mut fields = Vec::new();
        let only = message.fields().len() == 1;
        for field in message.fields() {
            let told = contract::column(&field).name;
            let names = match told.as_slice() {
                // A scalar has no column name: it goes to the only field.
                [] if only && self.columns.len() == 1 && self.columns[0].name.is_empty() => {
                    vec![String::new()]
                }
                [] => vec![field.name().to_owned()],
                _ => told,
            };
            let value = self.column(&field, &names)?;
            fields.push(Written { name: Arc::from(field.name()), number: field.number(), value });
        }
        fields.sort_by_key(|field| field.number);
        Ok(fields)
    }

    fn column(&mut self, field: &FieldDescriptor, names: &[String]) -> Result<WrittenValue, String> {
        let column = self.find(names, field.name())?;
        let options: options::Column = contract::column(field);
        let fit = FieldCodec::choose(self.catalog, column.type_oid, column.type_mod, field, &options)
            .map_err(|misfit| format!("result column {:?} {}", column.name, misfit.text))?;
        let at = self.select(&column, fit.read);
        Ok(WrittenValue::Column { at, codec: Arc::new(fit.codec) })
    }

    fn name(
        &mut self,
        resource: &crate::plan::Resource,
        pattern: &NamePattern,
    ) -> Result<WrittenValue, String> {
        let mut at = Vec::new();
        for column in pattern.columns() {
            let name = resource.columns[column].name.as_str().to_owned();
            let found = self.find(&[name], resource.message.name())?;
            at.push((column, self.select(&found, Read::Binary)));
        }
        let position = |column| at.iter().find(|(c, _)| *c == column).map_or(0, |(_, at)| *at);
        Ok(WrittenValue::Name(Arc::new(resource.written_name(pattern, position))))
    }

    fn find(&self, names: &[String], field: &str) -> Result<Attribute, String> {
        let found = names.iter().find_map(|name| self.columns.iter().find(|c| c.name == *name));
        found.cloned().ok_or_else(|| {
            let wanted = names.first().map_or("", String::as_str);
            let hint = nearest::hint(wanted, self.columns.iter().map(|c| c.name.as_str()));
            format!("the result has no column {} for field {field:?}{hint}: return it, or name another by (rowcall.v1.column).name", either(names))
        })
    }

    fn select(&mut self, column: &Attribute, read: Read) -> usize {
        let wanted = RowColumn {
            name: column.name.clone(),
            oid: self.catalog.base_type(column.type_oid).map_or(column.type_oid, |t| t.oid),
            read,
        };
        let same = |c: &RowColumn| c.name == wanted.name && c.read == wanted.read;
        if let Some(known) = self.selected.iter().position(same) {
            return known;
        }
        self.selected.push(wanted);
        self.selected.len() - 1
    }
}
