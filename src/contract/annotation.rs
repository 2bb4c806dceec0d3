//! The options of a descriptor → what `google.api` and `rowcall.v1` say about it.

use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumValueDescriptor, ExtensionDescriptor, FieldDescriptor,
    MessageDescriptor, MethodDescriptor, Value,
};

use super::options;

/// `google.api.FieldBehavior.IDENTIFIER`.
const IDENTIFIER: i32 = 8;

/// `google.api.resource`.
#[derive(Debug, Default)]
pub struct Declared {
    pub kind: String,
    pub patterns: Vec<String>,
    pub name_field: String,
    pub plural: String,
    pub singular: String,
}

/// The extensions that are read, as far as the contract's files import them.
pub struct Annotations {
    table: Option<ExtensionDescriptor>,
    column: Option<ExtensionDescriptor>,
    relation: Option<ExtensionDescriptor>,
    method: Option<ExtensionDescriptor>,
    resource: Option<ExtensionDescriptor>,
    definition: Option<ExtensionDescriptor>,
    reference: Option<ExtensionDescriptor>,
    behavior: Option<ExtensionDescriptor>,
}

impl Annotations {
    pub fn new(pool: &DescriptorPool) -> Annotations {
        let find = |name: &str| pool.get_extension_by_name(name);
        Annotations {
            table: find("rowcall.v1.table"),
            column: find("rowcall.v1.column"),
            relation: find("rowcall.v1.relation"),
            method: find("rowcall.v1.method"),
            resource: find("google.api.resource"),
            definition: find("google.api.resource_definition"),
            reference: find("google.api.resource_reference"),
            behavior: find("google.api.field_behavior"),
        }
    }

    pub fn table(&self, message: &MessageDescriptor) -> Option<options::Table> {
        read(&message.options(), &self.table)
    }

    pub fn column(&self, field: &FieldDescriptor) -> Option<options::Column> {
        read(&field.options(), &self.column)
    }

    pub fn relation(&self, field: &FieldDescriptor) -> Option<options::Relation> {
        read(&field.options(), &self.relation)
    }

    pub fn method(&self, method: &MethodDescriptor) -> Option<options::Method> {
        read(&method.options(), &self.method)
    }

    pub fn resource(&self, message: &MessageDescriptor) -> Option<Declared> {
        let options = message.options();
        get(&options, &self.resource)?.as_message().map(declared)
    }

    /// The kinds that a file declares without a message, by `google.api.resource_definition`.
    pub fn definitions(&self, file: &prost_reflect::FileDescriptor) -> Vec<String> {
        let options = file.options();
        let list = get(&options, &self.definition);
        let all = list.as_ref().and_then(|list| list.as_list()).unwrap_or_default();
        all.iter().filter_map(Value::as_message).map(|definition| declared(definition).kind).collect()
    }

    /// `google.api.resource_reference.type`.
    pub fn reference(&self, field: &FieldDescriptor) -> Option<String> {
        let options = field.options();
        let reference = get(&options, &self.reference)?;
        reference.as_message().map(|reference| text(reference, "type")).filter(|kind| !kind.is_empty())
    }

    pub fn is_identifier(&self, field: &FieldDescriptor) -> bool {
        let options = field.options();
        let list = get(&options, &self.behavior);
        let all = list.as_ref().and_then(|list| list.as_list()).unwrap_or_default();
        all.iter().any(|behavior| behavior.as_enum_number() == Some(IDENTIFIER))
    }
}

/// `(rowcall.v1.column)` of any field, for messages that are rows of functions and queries.
pub fn column(field: &FieldDescriptor) -> options::Column {
    let extension = field.parent_pool().get_extension_by_name("rowcall.v1.column");
    read(&field.options(), &extension).unwrap_or_default()
}

/// `(rowcall.v1.label)`: the Postgres enum label that a value stands for.
pub fn label(value: &EnumValueDescriptor) -> Option<String> {
    let extension = value.parent_pool().get_extension_by_name("rowcall.v1.label");
    get(&value.options(), &extension)?.as_str().map(str::to_owned)
}

fn get(options: &DynamicMessage, extension: &Option<ExtensionDescriptor>) -> Option<Value> {
    let extension = extension.as_ref().filter(|extension| options.has_extension(extension))?;
    Some(options.get_extension(extension).into_owned())
}

fn read<T: Message + Default>(
    options: &DynamicMessage,
    extension: &Option<ExtensionDescriptor>,
) -> Option<T> {
    get(options, extension)?.as_message()?.transcode_to().ok()
}

fn declared(resource: &DynamicMessage) -> Declared {
    let patterns = resource.get_field_by_name("pattern");
    let patterns = patterns.as_ref().and_then(|patterns| patterns.as_list()).unwrap_or_default();
    Declared {
        kind: text(resource, "type"),
        patterns: patterns.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        name_field: text(resource, "name_field"),
        plural: text(resource, "plural"),
        singular: text(resource, "singular"),
    }
}

fn text(message: &DynamicMessage, field: &str) -> String {
    let value = message.get_field_by_name(field);
    value.as_ref().and_then(|value| value.as_str()).unwrap_or_default().to_owned()
}
