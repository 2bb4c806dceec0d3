//! A file's path in `google.protobuf.SourceCodeInfo` → whether it leads into a `rowcall.v1` option.
//!
//! The options name tables and columns, which is no business of those who call: reflection and `export --plain` leave them out.

use prost_reflect::{DescriptorPool, FileDescriptor, Kind, MessageDescriptor};

/// Where our own options live.
pub const PACKAGE: &str = "rowcall.v1";
pub const FOLDER: &str = "rowcall/v1/";

/// Whether the path runs through one of our options: `[4, 0, 7, 52100]` is `Track`'s table.
pub fn is_option(pool: &DescriptorPool, path: &[i32]) -> bool {
    let Some(file) = pool.get_message_by_name("google.protobuf.FileDescriptorProto") else {
        return false;
    };
    leads(&file, path)
}

fn leads(message: &MessageDescriptor, path: &[i32]) -> bool {
    let Some((&number, rest)) = path.split_first() else { return false };
    let Ok(number) = u32::try_from(number) else { return false };
    if let Some(field) = message.get_field(number) {
        let rest = if field.is_list() { rest.get(1..).unwrap_or_default() } else { rest };
        return matches!(field.kind(), Kind::Message(inner) if leads(&inner, rest));
    }
    message.get_extension(number).is_some_and(|extension| extension.parent_file().package_name() == PACKAGE)
}

/// Our imports are dropped unless the file uses one of our types, as a result may use `rowcall.v1.Reason`.
pub fn uses_types(file: &FileDescriptor) -> bool {
    let is_ours = |message: &MessageDescriptor| message.fields().any(|field| is_ours(&field.kind()));
    let mut messages: Vec<_> = file.messages().collect();
    while let Some(message) = messages.pop() {
        if is_ours(&message) {
            return true;
        }
        messages.extend(message.child_messages());
    }
    let mut methods = file.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.any(|method| {
        [method.input(), method.output()].iter().any(|message| message.package_name() == PACKAGE)
    })
}

fn is_ours(kind: &Kind) -> bool {
    match kind {
        Kind::Message(message) => message.package_name() == PACKAGE,
        Kind::Enum(kind) => kind.package_name() == PACKAGE,
        _ => false,
    }
}
