//! `(rowcall.v1.method)` → the function or the file of SQL that answers, and where its rows go.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path};

use prost_reflect::{FieldDescriptor, MessageDescriptor, MethodDescriptor};

use super::options::{self, method::Source};
use super::{Answer, Shape};

/// A longer file of SQL is a mistake: it is prepared whole.
const QUERY_BYTES_MAX: u64 = 1 << 20;

pub fn shape(method: &MethodDescriptor, option: &options::Method, folder: &Path) -> Result<Shape, String> {
    let answer = answer(method);
    match &option.source {
        Some(Source::Routine(name)) if !name.trim().is_empty() => {
            Ok(Shape::Routine { name: name.clone(), answer })
        }
        Some(Source::Query(path)) if !path.is_empty() => {
            let text = read(folder, path)?;
            Ok(Shape::Query { path: path.clone(), text, answer })
        }
        _ => Err("(rowcall.v1.method) is empty: name a routine or a query".to_owned()),
    }
}

/// A message whose only field is a repeated message is a list of rows; any other is a row.
fn answer(method: &MethodDescriptor) -> Answer {
    let message = method.output();
    match (method.is_server_streaming(), only_repeated(&message)) {
        (false, None) => Answer::Message(message),
        (false, Some(rows)) => Answer::Repeated(rows),
        (true, None) => Answer::StreamOfMessages(message),
        (true, Some(rows)) => Answer::StreamOfChunks(rows),
    }
}

fn only_repeated(message: &MessageDescriptor) -> Option<FieldDescriptor> {
    let mut fields = message.fields();
    let field = fields.next().filter(|field| field.is_list() && field.kind().as_message().is_some())?;
    fields.next().is_none().then_some(field)
}

/// Reads a query without leaving the contract's folder, symbolic links included.
fn read(folder: &Path, path: &str) -> Result<String, String> {
    let outside = || format!("query \"{path}\" is outside the contract's folder: put it beside the contract");
    let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain {
        return Err(outside());
    }
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => format!("query \"{path}\" does not exist: put it beside the contract"),
        _ => format!("query \"{path}\" cannot be read: {error}"),
    };
    let real = folder.join(path).canonicalize().map_err(unreadable)?;
    if !real.starts_with(folder.canonicalize().map_err(unreadable)?) {
        return Err(outside());
    }
    let mut text = String::new();
    let read = File::open(real).and_then(|file| file.take(QUERY_BYTES_MAX + 1).read_to_string(&mut text));
    let bytes = read.map_err(unreadable)?;
    if bytes as u64 > QUERY_BYTES_MAX {
        return Err(format!("query \"{path}\" is longer than {QUERY_BYTES_MAX} bytes: shorten it"));
    }
    if text.trim().is_empty() {
        return Err(format!("query \"{path}\" is empty: write one statement"));
    }
    Ok(text)
}
