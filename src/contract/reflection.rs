//! A contract → the files that callers may see, encoded.

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, FileDescriptor, Value};
use prost_types::FileDescriptorProto;

use super::{Contract, import, private};

/// Whether callers see the `rowcall.v1` options, which name tables and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReflectOptions {
    Hidden,
    Shown,
}

/// `(file name, FileDescriptorProto bytes)` of every file with its comments, imports before those that import them,
/// `google/rpc/error_details.proto` included. The options of others stay: they pass through as the compiler encoded them.
pub fn reflection(contract: &Contract, options: ReflectOptions) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for file in contract.pool.files() {
        let bytes = match options {
            ReflectOptions::Shown => file.encode_to_vec(),
            ReflectOptions::Hidden => hide(&file),
        };
        files.push((file.name().to_owned(), bytes));
    }
    if options == ReflectOptions::Hidden {
        let decoded: Vec<_> = files
            .iter()
            .filter_map(|(_, bytes)| FileDescriptorProto::decode(bytes.as_slice()).ok())
            .collect();
        let imported =
            |name: &str| decoded.iter().any(|file| file.dependency.iter().any(|import| import == name));
        files.retain(|(name, _)| !name.starts_with(private::FOLDER) || imported(name));
    }
    files
}

/// Files that are no contract's own say nothing of ours and keep their original bytes.
fn hide(file: &FileDescriptor) -> Vec<u8> {
    let bytes = file.encode_to_vec();
    let descriptor = file.parent_pool().get_message_by_name("google.protobuf.FileDescriptorProto");
    let message = descriptor
        .filter(|_| !import::is_foreign(file.name()))
        .and_then(|descriptor| DynamicMessage::decode(descriptor, bytes.as_slice()).ok());
    let Some(mut message) = message else { return bytes };
    hide_options(&mut message);
    hide_places(file.parent_pool(), &mut message);
    if !private::uses_types(file) {
        hide_imports(&mut message);
    }
    message.encode_to_vec()
}

fn hide_options(message: &mut DynamicMessage) {
    let ours: Vec<_> = message.extensions().map(|(extension, _)| extension).collect();
    for extension in
        ours.iter().filter(|extension| extension.parent_file().package_name() == private::PACKAGE)
    {
        message.clear_extension(extension);
    }
    let mut emptied = Vec::new();
    for (field, value) in message.fields_mut() {
        match value {
            Value::Message(inner) => {
                let was_empty = is_empty(inner);
                hide_options(inner);
                if !was_empty && is_empty(inner) {
                    emptied.push(field);
                }
            }
            Value::List(list) => list.iter_mut().filter_map(Value::as_message_mut).for_each(hide_options),
            _ => {}
        }
    }
    for field in emptied {
        message.clear_field(&field);
    }
}

fn is_empty(message: &DynamicMessage) -> bool {
    message.fields().next().is_none()
        && message.extensions().next().is_none()
        && message.unknown_fields().next().is_none()
}

/// Comments on our options go with them.
fn hide_places(pool: &DescriptorPool, file: &mut DynamicMessage) {
    if !file.has_field_by_name("source_code_info") {
        return;
    }
    let source = file.get_field_by_name_mut("source_code_info").and_then(Value::as_message_mut);
    let locations =
        source.and_then(|source| source.get_field_by_name_mut("location")).and_then(Value::as_list_mut);
    if let Some(locations) = locations {
        locations.retain(|location| !private::is_option(pool, &path(location)));
    }
}

fn path(location: &Value) -> Vec<i32> {
    let path = location.as_message().and_then(|location| location.get_field_by_name("path"));
    let numbers = path.as_ref().and_then(|path| path.as_list()).unwrap_or_default();
    numbers.iter().filter_map(Value::as_i32).collect()
}

/// Public and weak imports, and the places of imports, are by position: they move up.
fn hide_imports(file: &mut DynamicMessage) {
    let Some(Value::List(imports)) = file.take_field_by_name("dependency") else { return };
    let is_ours = |import: &Value| import.as_str().is_some_and(|name| name.starts_with(private::FOLDER));
    let mut moved = Vec::with_capacity(imports.len());
    let mut kept = 0;
    for import in &imports {
        moved.push((!is_ours(import)).then_some(kept));
        kept += i32::from(!is_ours(import));
    }
    let moved = |at: i32| usize::try_from(at).ok().and_then(|at| moved.get(at).copied().flatten());
    let imports = imports.into_iter().filter(|import| !is_ours(import)).collect();
    file.set_field_by_name("dependency", Value::List(imports));
    for field in ["public_dependency", "weak_dependency"] {
        if let Some(Value::List(positions)) = file.take_field_by_name(field) {
            let positions = positions.iter().filter_map(Value::as_i32).filter_map(moved);
            file.set_field_by_name(field, Value::List(positions.map(Value::I32).collect()));
        }
    }
    if !file.has_field_by_name("source_code_info") {
        return;
    }
    let source = file.get_field_by_name_mut("source_code_info").and_then(Value::as_message_mut);
    let locations =
        source.and_then(|source| source.get_field_by_name_mut("location")).and_then(Value::as_list_mut);
    let Some(locations) = locations else { return };
    locations.retain_mut(|location| {
        let path = path(location);
        let &[3, at] = path.as_slice() else { return true };
        match (moved(at), location.as_message_mut()) {
            (Some(to), Some(location)) => {
                location.set_field_by_name("path", Value::List(vec![Value::I32(3), Value::I32(to)]));
                true
            }
            _ => false,
        }
    });
}
