//! Paths → the files of the contract: what is its own, and where imports are looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use bytes::Bytes;
use prost::Message;

use super::{Place, Problem, Source, import};

/// The deepest folder below one that is given; also what ends a ring of symbolic links.
const DEPTH_MAX: usize = 32;

/// Where the contract's files are.
#[derive(Default)]
pub struct Found {
    /// Names of the contract's own files, and the folder that their queries are read from.
    pub own: BTreeMap<String, PathBuf>,
    pub roots: Vec<PathBuf>,
    /// Every file of the descriptor sets.
    pub sets: BTreeMap<String, Bytes>,
    pub problems: Vec<Problem>,
}

/// A `google.protobuf.FileDescriptorSet` whose files stay bytes, since decoding them would lose their options.
#[derive(Clone, PartialEq, Message)]
struct Set {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    file: Vec<Bytes>,
}

impl Source {
    /// Folders count whole, a `.proto` file counts alone (its folder is where its imports start), anything else is a
    /// compiled descriptor set.
    pub(super) fn find(&self) -> Found {
        let mut found = Found::default();
        let folders: Vec<_> = self.paths.iter().filter(|path| path.is_dir()).collect();
        for path in &self.paths {
            if path.is_dir() {
                found.add_folder(path);
            } else if path.extension().is_some_and(|extension| extension == "proto") {
                if !folders.iter().any(|folder| path.starts_with(folder)) {
                    found.add_file(path);
                }
            } else {
                found.add_set(path);
            }
        }
        if found.own.is_empty() && found.problems.is_empty() {
            found.reject(
                Path::new(""),
                "no contract is given: name a folder of .proto files, a .proto file or a descriptor set",
            );
        }
        found
    }
}

impl Found {
    fn add_folder(&mut self, root: &Path) {
        let before = self.own.len();
        let mut names = BTreeSet::new();
        if let Err(error) = walk(root, "", 0, &mut names) {
            return self.reject(root, format!("cannot be read: {error}"));
        }
        for name in names {
            let path = root.join(&name);
            self.add_own(name, &path);
        }
        if self.own.len() == before && self.problems.is_empty() {
            self.reject(root, "has no .proto file: name the folder that has the contract");
        }
        self.roots.push(root.to_owned());
    }

    fn add_file(&mut self, path: &Path) {
        if let Err(error) = fs::metadata(path) {
            return self.reject(path, format!("cannot be read: {error}"));
        }
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return self.reject(path, "has a name that is not UTF-8: rename it");
        };
        self.add_own(name.to_owned(), path);
        let folder = folder_of(path);
        if !self.roots.contains(&folder) {
            self.roots.push(folder);
        }
    }

    fn add_own(&mut self, name: String, path: &Path) {
        if import::is_foreign(&name) {
            return;
        }
        if let Some(other) = self.own.get(&name) {
            let text = format!("is named {name}, like a file in {}: rename one of them", other.display());
            return self.reject(path, text);
        }
        self.own.insert(name, folder_of(path));
    }

    fn add_set(&mut self, path: &Path) {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return self.reject(path, format!("cannot be read: {error}")),
        };
        let Some(files) = split(&bytes) else {
            return self.reject(
                path,
                "is not a descriptor set: make one with `buf build -o` or `protoc --include_imports --include_source_info -o`",
            );
        };
        for (name, file) in files {
            self.sets.insert(name.clone(), file);
            if !import::is_foreign(&name) {
                self.own.insert(name, folder_of(path));
            }
        }
    }

    fn reject(&mut self, path: &Path, text: impl Into<String>) {
        let place = Place { file: path.display().to_string(), line: 0 };
        self.problems.push(Problem { place, subject: String::new(), text: text.into() });
    }
}

fn split(bytes: &[u8]) -> Option<Vec<(String, Bytes)>> {
    let set = Set::decode(bytes).ok().filter(|set| !set.file.is_empty())?;
    let named = set.file.into_iter().map(|file| {
        let name = prost_types::FileDescriptorProto::decode(file.clone()).ok()?.name?;
        Some((name, file))
    });
    named.collect()
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Hidden names are left out: `.git`, and the folders behind the links of a mounted ConfigMap.
fn walk(folder: &Path, prefix: &str, depth: usize, names: &mut BTreeSet<String>) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Err(io::Error::other(format!("folders are nested deeper than {DEPTH_MAX}")));
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(base) =
            path.file_name().and_then(|base| base.to_str()).filter(|base| !base.starts_with('.'))
        else {
            continue;
        };
        let name = format!("{prefix}{base}");
        if path.is_dir() {
            walk(&path, &format!("{name}/"), depth + 1, names)?;
        } else if base.ends_with(".proto") {
            names.insert(name);
        }
    }
    Ok(())
}
