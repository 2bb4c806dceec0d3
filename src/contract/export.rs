//! A contract → files in a folder, for those who generate clients.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use prost_reflect::FileDescriptor;

use super::reflection::{ReflectOptions, reflection};
use super::{Contract, File, Origin, omit, private};

/// Whether `rowcall.v1` options and imports are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    Yes,
    No,
}

/// The one file that is written when the contract came from a descriptor set, which has no text.
const SET: &str = "contract.binpb";

#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: check that the folder exists and may be written", path.display())]
pub struct ExportError {
    path: PathBuf,
    source: io::Error,
}

/// Writes the contract's files and everything they import, and answers their paths. Files of `google/protobuf/*` are left out:
/// every compiler carries them. A contract without text (from a descriptor set) is written as a descriptor set, `contract.binpb`,
/// which `buf generate` and `protoc --descriptor_set_in` take.
pub fn export(contract: &Contract, folder: &Path, plain: Plain) -> Result<Vec<PathBuf>, ExportError> {
    let needed = needed(contract, plain);
    let files: Vec<_> = contract.files.iter().filter(|file| needed.contains(&file.name)).collect();
    if files.iter().any(|file| file.origin == Origin::Given && file.text.is_none()) {
        let path = folder.join(SET);
        write(&path, &set(contract, &needed, plain))?;
        return Ok(vec![path]);
    }
    let mut written = Vec::new();
    for file in files {
        let Some(text) = text(contract, file, plain) else { continue };
        let path = folder.join(&file.name);
        write(&path, text.as_bytes())?;
        written.push(path);
    }
    Ok(written)
}

/// Names of the given files and of everything they import.
fn needed(contract: &Contract, plain: Plain) -> BTreeSet<String> {
    let given = contract.files.iter().filter(|file| file.origin == Origin::Given);
    let mut open: Vec<FileDescriptor> =
        given.filter_map(|file| contract.pool.get_file_by_name(&file.name)).collect();
    let mut needed = BTreeSet::new();
    while let Some(file) = open.pop() {
        if needed.insert(file.name().to_owned()) {
            let keeps = |import: &FileDescriptor| {
                plain == Plain::No
                    || !import.name().starts_with(private::FOLDER)
                    || private::uses_types(&file)
            };
            open.extend(file.dependencies().filter(keeps));
        }
    }
    needed
}

fn text(contract: &Contract, file: &File, plain: Plain) -> Option<String> {
    let text = file.text.as_ref()?;
    let descriptor = contract.pool.get_file_by_name(&file.name)?;
    let ours = file.name.starts_with(private::FOLDER);
    Some(if plain == Plain::Yes && !ours { omit::options(&descriptor, text) } else { text.clone() })
}

fn set(contract: &Contract, needed: &BTreeSet<String>, plain: Plain) -> Vec<u8> {
    let options = if plain == Plain::Yes { ReflectOptions::Hidden } else { ReflectOptions::Shown };
    let mut set = Vec::new();
    for (name, bytes) in reflection(contract, options) {
        if needed.contains(&name) {
            // Concatenated messages are one message, so options survive that prost does not know.
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            set.push(0x0a);
            prost::encoding::encode_varint(length, &mut set);
            set.extend_from_slice(&bytes);
        }
    }
    set
}

fn write(path: &Path, content: &[u8]) -> Result<(), ExportError> {
    let fail = |source| ExportError { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    fs::write(path, content).map_err(fail)
}
