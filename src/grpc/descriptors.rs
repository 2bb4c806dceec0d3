//! Descriptor files as bytes → which of them has a name, a symbol or an extension.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use prost::Message as _;
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};

/// Files and what they define. Their bytes stay as they were given, options of every kind included.
#[derive(Debug, Default)]
pub struct Descriptors {
    files: Vec<File>,
    by_name: HashMap<String, usize>,
    /// Full names of messages, fields, oneofs, enums, values, services, methods and extensions.
    by_symbol: HashMap<String, usize>,
    /// By extended message, then number.
    by_extension: HashMap<String, BTreeMap<i32, usize>>,
}

#[derive(Debug)]
struct File {
    bytes: Bytes,
    imports: Vec<String>,
}

impl Descriptors {
    /// Of several files with one name the first is taken; what is no descriptor is left out.
    pub fn new(files: impl IntoIterator<Item = Bytes>) -> Self {
        let mut descriptors = Descriptors::default();
        for bytes in files {
            if let Ok(file) = FileDescriptorProto::decode(bytes.clone()) {
                descriptors.add(bytes, &file);
            }
        }
        descriptors
    }

    pub fn file(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub fn symbol(&self, name: &str) -> Option<usize> {
        self.by_symbol.get(name.trim_start_matches('.')).copied()
    }

    pub fn extension(&self, message: &str, number: i32) -> Option<usize> {
        self.by_extension.get(message.trim_start_matches('.'))?.get(&number).copied()
    }

    /// The numbers of the extensions of a message; None when there is no such message.
    pub fn extensions(&self, message: &str) -> Option<Vec<i32>> {
        self.symbol(message)?;
        let known = self.by_extension.get(message.trim_start_matches('.'));
        Some(known.map(|numbers| numbers.keys().copied().collect()).unwrap_or_default())
    }

    /// A file, and what it imports near and far; the file first, every other one once.
    pub fn with_imports(&self, file: usize) -> Vec<usize> {
        let mut found = vec![file];
        let mut next = 0;
        while let Some(&at) = found.get(next) {
            let imports = self.files[at].imports.iter().filter_map(|name| self.file(name));
            let new: Vec<usize> = imports.filter(|import| !found.contains(import)).collect();
            found.extend(new);
            next += 1;
        }
        found
    }

    pub fn bytes(&self, file: usize) -> Bytes {
        self.files[file].bytes.clone()
    }

    fn add(&mut self, bytes: Bytes, file: &FileDescriptorProto) {
        if self.by_name.contains_key(file.name()) {
            return;
        }
        let at = self.files.len();
        self.by_name.insert(file.name().to_owned(), at);
        self.files.push(File { bytes, imports: file.dependency.clone() });
        let mut symbols = Symbols { index: self, file: at };
        let package = file.package();
        symbols.messages(package, &file.message_type);
        symbols.enums(package, &file.enum_type);
        symbols.extensions(package, &file.extension);
        for service in &file.service {
            let name = symbols.define(package, service.name());
            for method in &service.method {
                symbols.define(&name, method.name());
            }
        }
    }
}

/// The definitions of one file on their way into the index.
struct Symbols<'a> {
    index: &'a mut Descriptors,
    file: usize,
}

impl Symbols<'_> {
    fn define(&mut self, scope: &str, name: &str) -> String {
        let full = if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") };
        self.index.by_symbol.entry(full.clone()).or_insert(self.file);
        full
    }

    fn messages(&mut self, scope: &str, messages: &[DescriptorProto]) {
        for message in messages {
            let name = self.define(scope, message.name());
            for field in &message.field {
                self.define(&name, field.name());
            }
            for oneof in &message.oneof_decl {
                self.define(&name, oneof.name());
            }
            self.enums(&name, &message.enum_type);
            self.extensions(&name, &message.extension);
            self.messages(&name, &message.nested_type);
        }
    }

    /// A value's name stands beside its enum's; some clients ask for it inside the enum.
    fn enums(&mut self, scope: &str, enums: &[EnumDescriptorProto]) {
        for kind in enums {
            let name = self.define(scope, kind.name());
            for value in &kind.value {
                self.define(scope, value.name());
                self.define(&name, value.name());
            }
        }
    }

    fn extensions(&mut self, scope: &str, extensions: &[FieldDescriptorProto]) {
        for extension in extensions {
            self.define(scope, extension.name());
            let extended = extension.extendee().trim_start_matches('.').to_owned();
            self.index.by_extension.entry(extended).or_default().insert(extension.number(), self.file);
        }
    }
}

/// A `FileDescriptorSet` whose files stay bytes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FileSet {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub files: Vec<Bytes>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Descriptors {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
        let set = protox::compile(["rowcall/v1/options.proto"], [folder]).unwrap();
        Descriptors::new(set.file.iter().map(|file| file.encode_to_vec().into()))
    }

    #[test]
    fn every_kind_of_symbol_leads_to_its_file() {
        let descriptors = options();
        let file = descriptors.file("rowcall/v1/options.proto");
        assert!(file.is_some());
        for symbol in [
            "rowcall.v1.Table",
            "rowcall.v1.Table.soft_delete",
            "rowcall.v1.Method.source",
            "rowcall.v1.Unit",
            "rowcall.v1.MILLISECONDS",
            "rowcall.v1.Unit.MILLISECONDS",
            "rowcall.v1.relation",
            ".rowcall.v1.Table",
        ] {
            assert_eq!(descriptors.symbol(symbol), file, "{symbol}");
        }
        assert_eq!(descriptors.symbol("rowcall.v1.Tabel"), None);
        assert_eq!(descriptors.symbol("rowcall.v1"), None);
    }

    #[test]
    fn extensions_are_found_by_message_and_number() {
        let descriptors = options();
        let file = descriptors.file("rowcall/v1/options.proto");
        assert_eq!(descriptors.extension("google.protobuf.FieldOptions", 52_101), file);
        assert_eq!(descriptors.extension("google.protobuf.FieldOptions", 1), None);
        assert_eq!(descriptors.extensions("google.protobuf.FieldOptions"), Some(vec![52_100, 52_101]));
        assert_eq!(descriptors.extensions("rowcall.v1.Table"), Some(vec![]));
        assert_eq!(descriptors.extensions("rowcall.v1.Tabel"), None);
    }

    #[test]
    fn a_file_comes_with_everything_it_imports_once() {
        let descriptors = options();
        let names = |files: Vec<usize>| -> Vec<String> {
            let name =
                |file: usize| FileDescriptorProto::decode(descriptors.bytes(file)).unwrap().name().to_owned();
            files.into_iter().map(name).collect()
        };
        let file = descriptors.file("rowcall/v1/options.proto").unwrap();
        assert_eq!(
            names(descriptors.with_imports(file)),
            [
                "rowcall/v1/options.proto",
                "google/protobuf/descriptor.proto",
                "google/protobuf/duration.proto"
            ]
        );
    }
}
