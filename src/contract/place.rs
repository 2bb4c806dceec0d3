//! A descriptor → where it stands in the contract.

use std::collections::HashMap;

use prost_reflect::{
    DescriptorPool, EnumValueDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor,
    MethodDescriptor, ServiceDescriptor,
};

use super::{Place, Problem, import};

/// What a problem can be about.
pub trait Placed {
    fn file(&self) -> FileDescriptor;
    /// As in `google.protobuf.SourceCodeInfo.Location.path`.
    fn path(&self) -> &[i32];
    fn full_name(&self) -> &str;
}

macro_rules! placed {
    ($($descriptor:ty),*) => { $(
        impl Placed for $descriptor {
            fn file(&self) -> FileDescriptor {
                self.parent_file()
            }
            fn path(&self) -> &[i32] {
                self.path()
            }
            fn full_name(&self) -> &str {
                self.full_name()
            }
        }
    )* };
}

placed!(EnumValueDescriptor, FieldDescriptor, MessageDescriptor, MethodDescriptor, ServiceDescriptor);

/// The lines of every descriptor in the contract's own files.
pub struct Places {
    lines: HashMap<String, HashMap<Vec<i32>, u32>>,
}

impl Places {
    pub fn new(pool: &DescriptorPool) -> Places {
        let lines = pool.files().filter(|file| !import::is_foreign(file.name()));
        Places { lines: lines.map(|file| (file.name().to_owned(), lines_of(&file))).collect() }
    }

    pub fn place(&self, at: &impl Placed) -> Place {
        let file = at.file().name().to_owned();
        let line = self.lines.get(&file).and_then(|lines| lines.get(at.path())).copied().unwrap_or(0);
        Place { file, line }
    }

    pub fn problem(&self, at: &impl Placed, text: impl Into<String>) -> Problem {
        Problem { place: self.place(at), subject: subject(at), text: text.into() }
    }
}

/// The full name without the package: `Track.title`.
pub fn subject(of: &impl Placed) -> String {
    let file = of.file();
    let package = file.package_name();
    let name = of.full_name();
    match name.strip_prefix(package) {
        Some(rest) if !package.is_empty() => rest.trim_start_matches('.').to_owned(),
        _ => name.to_owned(),
    }
}

fn lines_of(file: &FileDescriptor) -> HashMap<Vec<i32>, u32> {
    let Some(source) = &file.file_descriptor_proto().source_code_info else {
        return HashMap::new();
    };
    let mut lines = HashMap::new();
    for location in &source.location {
        let line = location.span.first().and_then(|&line| u32::try_from(line).ok());
        if let Some(line) = line {
            lines.entry(location.path.clone()).or_insert(line + 1);
        }
    }
    lines
}
